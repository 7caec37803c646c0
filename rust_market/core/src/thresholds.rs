//! Up to how many units or so which way is the fastest, by measurement; on any processor all ways
//! give the same bits. `bench/adversarial/order.py` reads this file, for markets on either side.

/// Up to so many units all pairs of bids are compared.
pub(crate) const ALL_PAIRS: usize = 8;

/// Up to so many units ranks are counted.
pub(crate) const RANK_COUNT: usize = 64;

/// Up to so many units there is one bucket for each, and a walk that puts them in order.
pub(crate) const BUCKET_WALK: usize = 400;

/// Up to so many units buckets are added as they lie; beyond, each is summed up where it is.
pub(crate) const BUCKET_BLOCKS: usize = 16_383;

/// Up to so many units some rows of a batch are cleared at once, in lanes.
pub(crate) const BATCH_LANES: usize = 12;

/// Up to so many agents some environments take a step at once, where all agents act.
pub(crate) const STEP_LANES: usize = 14;

/// The same where one acts among others, which are sorted already.
pub(crate) const STEP_LANES_OF_ONE: usize = 48;

/// With less units than this for each thread, one thread clears a batch faster.
pub(crate) const UNITS_PER_THREAD: usize = 1 << 14;

/// With less than about so many ns of work for each thread, one thread takes steps faster.
pub(crate) const STEP_WORK_PER_THREAD: usize = 16_000;

/// Memory is kept between calls for markets of up to so many units.
pub const KEPT_UNITS: usize = 1 << 18;
