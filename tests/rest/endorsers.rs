//! endorsers
