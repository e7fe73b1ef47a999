"""Changes of what is protected, made where they are deployed: the successor takes the predecessor's place, and back."""
