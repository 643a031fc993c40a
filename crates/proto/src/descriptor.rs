/// The compiled `.proto` tree, encoded: what the reflection service tells about.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));
