/// How much an untrusted bundle may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of `jingwei.json`; default 16 MiB.
    pub manifest_bytes: u64,
    /// Nodes of the graph; default 50,000.
    pub nodes: usize,
    /// Nodes that read one value; default 4,096.
    pub readers: usize,
    /// Bytes of one tensor for one sample, computed or stored; default 4 GiB.
    pub tensor_bytes: u64,
    /// Bytes of all stored tensors, and of the working memory for one sample; default 16 GiB.
    pub memory_bytes: u64,
    /// Samples whose predictions are recorded; default 256.
    pub recorded_samples: usize,
    /// Bytes of all recorded samples, raw and prepared, and their predictions; default 1 GiB.
    pub recorded_bytes: u64,
    /// Steps of a sequence; default 65,536.
    pub time: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest_bytes: 16 << 20,
            nodes: 50_000,
            readers: 4096,
            tensor_bytes: 4 << 30,
            memory_bytes: 16 << 30,
            recorded_samples: 256,
            recorded_bytes: 1 << 30,
            time: 1 << 16,
        }
    }
}
