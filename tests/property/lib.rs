//! The tests beside this file are the contents of this package.
