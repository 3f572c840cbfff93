//! `stratus-policy-image`, against a Marketplace and on files.
