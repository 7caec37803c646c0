use std::hint::black_box;

use pyo3::prelude::*;

const ROUNDS: u64 = 20_000;

fn worked(rounds: u64) -> u64 {
    (0..rounds).fold(0, |done, _| black_box(done + 1))
}

#[pymodule]
mod toy {
    use super::*;

    #[pyfunction]
    fn busy() -> u64 {
        worked(ROUNDS)
    }

    #[pyfunction]
    fn quick() -> u64 {
        worked(2_000)
    }
}
