//! Fused CPU kernels of Jingwei.
