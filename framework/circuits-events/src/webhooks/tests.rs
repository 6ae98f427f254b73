//! What an operator notices of webhooks: faults at load, and bodies.
