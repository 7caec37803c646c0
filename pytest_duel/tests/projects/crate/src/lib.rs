use std::hint::black_box;

use pyo3::prelude::*;

const ROUNDS: u64 = 20_000;

#[pymodule]
mod toy {
    use super::*;

    #[pyfunction]
    fn busy() -> u64 {
        (0..ROUNDS).fold(0, |sum, one| black_box(sum + one % 7))
    }

    #[pyfunction]
    fn quick() -> u64 {
        (0..2_000).fold(0, |sum, one| black_box(sum + one % 7))
    }
}
