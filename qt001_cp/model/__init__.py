"""Pure, frozen, ordered data: identities, kinds, ACLs, policy, inventory, manifest. Reads no file and no server."""
