//! The intermediate representation of Jingwei.
