//! TLS client configuration.
