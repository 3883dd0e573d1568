//! The tests in `tests/` are the contents of this package.
