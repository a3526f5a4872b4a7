"""What the senders of webhooks have in common: reading bodies, proofs of a secret, refs, images, choosing the sender.

Nothing here knows a vendor, and nothing raises anything but `Malformed`, whatever the bytes.
"""
