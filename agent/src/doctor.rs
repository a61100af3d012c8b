//! What a technician asks of the box: where it stands, and what is wrong.
//! Never changes what it looks at: no key, folder or file is made by looking.
//! Called by the verbs `doctor` and `status`, and by whoever shows the same elsewhere.

pub mod standing;
