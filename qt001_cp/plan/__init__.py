"""Pure planning: from an inventory and a policy to a manifest, and from a manifest to ordered steps."""
