//! Tells other systems what happens to actions.
