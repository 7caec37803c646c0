//! The environments' step is the reference to the last bit, and refuses before it writes.

use market_core::{
    DEFAULT_TOLERANCE, Model, Outcome, Refusal, Rules, State, Ties, reference_step, step_batch,
    step_batch_portably,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

/// Constants, state and actions that own their numbers.
#[derive(Clone, Debug)]
struct Case {
    capacities: Vec<f64>,
    costs: Vec<f64>,
    agent_features: Vec<f32>,
    hour_features: Vec<f32>,
    /// `bid_change`, `bid_penalty`, `shortage_penalty`, `reward_scale`, `demand_scale`
    numbers: [f64; 5],
    learner: Option<usize>,
    rules: Rules,
    hours: Vec<i64>,
    demand: Vec<f64>,
    active: Vec<u8>,
    actions: Vec<f32>,
}

/// T.
const HOURS: usize = 3;

/// What a step leaves behind.
#[derive(Clone, Debug, PartialEq)]
struct Results {
    hours: Vec<i64>,
    rewards: Vec<f64>,
    observations: Vec<f32>,
    prices: Vec<f64>,
    dispatch: Vec<f64>,
    profits: Vec<f64>,
}

impl Case {
    fn model(&self) -> Model<'_> {
        let [bid_change, bid_penalty, shortage_penalty, reward_scale, demand_scale] = self.numbers;
        Model {
            capacities: &self.capacities,
            costs: &self.costs,
            agent_features: &self.agent_features,
            hour_features: &self.hour_features,
            hours: HOURS,
            bid_change,
            bid_penalty,
            shortage_penalty,
            reward_scale,
            demand_scale,
            learner: self.learner,
            rules: self.rules,
        }
    }

    fn step<T>(
        &self,
        step: impl FnOnce(&Model<'_>, State<'_>, &[f32], Outcome<'_>) -> T,
    ) -> (T, Results) {
        let model = self.model();
        let (count, numbers) = (self.hours.len(), self.hours.len() * model.acting());
        let mut results = Results {
            hours: self.hours.clone(),
            rewards: vec![7.0; numbers],
            observations: vec![7.0; numbers * model.width()],
            prices: vec![7.0; count],
            dispatch: vec![7.0; numbers],
            profits: vec![7.0; numbers],
        };
        let Results { hours, rewards, observations, prices, dispatch, profits } = &mut results;
        let state = State { hours, demand: &self.demand, active: &self.active };
        let outcome = Outcome { rewards, observations, prices, dispatch, profits };
        let done = step(&model, state, &self.actions, outcome);
        (done, results)
    }
}

impl Case {
    /// What units of an environment offer in merit order, added up.
    fn supply(&self, row: usize) -> Vec<f64> {
        let first = self.learner.unwrap_or(0);
        let acting = self.model().acting();
        let actions = &self.actions[2 * acting * row..];
        let mut offers: Vec<(f64, f64)> =
            self.costs.iter().copied().zip(self.capacities.iter().copied()).collect();
        for (offer, action) in offers[first..first + acting].iter_mut().zip(actions.chunks(2)) {
            offer.0 += f64::from(action[1]) * self.numbers[0];
            offer.1 *= 1.0 - f64::from(action[0]).max(0.0);
        }
        offers.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap()); // stable
        let mut total = 0.0;
        offers
            .iter()
            .map(|offer| {
                total += offer.1;
                total
            })
            .collect()
    }
}

impl Results {
    fn bits(&self) -> (&[i64], Vec<u64>, Vec<u32>) {
        let floats = [&self.rewards, &self.prices, &self.dispatch, &self.profits];
        let floats = floats.into_iter().flatten().map(|value| value.to_bits());
        let singles = self.observations.iter().map(|value| value.to_bits());
        (&self.hours, floats.collect(), singles.collect())
    }
}

fn numbers(few: Vec<f64>, count: usize) -> BoxedStrategy<Vec<f64>> {
    let (low, high) = (few[0], few[1]);
    prop_oneof![vec(low..high, count), vec(prop::sample::select(few), count)].boxed()
}

fn actions(count: usize) -> BoxedStrategy<Vec<f32>> {
    let few = prop::sample::select(vec![-1.0, -0.5, -0.0, 0.0, 0.25, 0.5, 1.0, f32::MIN_POSITIVE]);
    prop_oneof![vec(-1.0_f32..=1.0, count), vec(few, count), Just(vec![0.0; count])].boxed()
}

fn rules() -> impl Strategy<Value = Rules> {
    let ties = prop::sample::select(vec![Ties::First, Ties::ProRata]);
    let tolerance = prop::sample::select(vec![0.0, 0.0, DEFAULT_TOLERANCE, 1e-3, 0.5]);
    (ties, prop::option::of(-1e4..1e4), tolerance)
        .prop_map(|(ties, scarcity_price, tolerance)| Rules { ties, scarcity_price, tolerance })
}

fn case(units: usize, count: usize) -> impl Strategy<Value = Case> {
    let learner = prop::option::of(0..units);
    let sizes = (0_usize..4, 0_usize..8);
    (learner, sizes).prop_flat_map(move |(learner, (of_agent, of_hour))| {
        let acting = if learner.is_some() { 1 } else { units };
        let part = prop::sample::select(vec![0.0, 1e-9, 0.3, 0.7, 1.0, 2.0]);
        let demand = vec((part, 0.0..1.0), count * (HOURS + 1));
        let scale = prop::sample::select(vec![0.0, 1.0, 0.37, 20.0]);
        let constants = (
            numbers(vec![-20.0, 60.0, 0.0, 20.0, 20.0_f64.next_up()], units),
            numbers(vec![0.0, 50.0, 10.0], units),
            vec(-1.0_f32..1.0, of_agent * units),
            vec(-1.0_f32..1.0, of_hour * (HOURS + 1)),
            [scale.clone(), scale.clone(), scale.clone(), scale.clone(), scale],
            rules(),
        );
        let state = (vec((0..HOURS as i64, 0_u8..5), count), demand, actions(2 * acting * count));
        (constants, state).prop_map(move |(constants, (places, demand, actions))| {
            let (costs, capacities, agent_features, hour_features, numbers, rules) = constants;
            let total: f64 = capacities.iter().sum();
            let exact = |(part, noise): (f64, f64)| {
                let noise = if noise < 0.5 { 1.0 } else { noise };
                part * noise * total
            };
            // Environments that are not active may have come to the end.
            let end = |&(hour, active): &(i64, u8)| {
                if active == 0 && hour == 0 { HOURS as i64 } else { hour }
            };
            Case {
                demand: demand.into_iter().map(exact).collect(),
                hours: places.iter().map(end).collect(),
                active: places.iter().map(|place| place.1).collect(),
                capacities,
                costs,
                agent_features,
                hour_features,
                numbers,
                learner,
                rules,
                actions,
            }
        })
    })
}

/// The same, where demand of many environments is a step of their supply, or next to it.
fn any_case() -> impl Strategy<Value = Case> {
    let units = prop_oneof![20 => 1_usize..13, 3 => 13_usize..80, 10 => 49_usize..53];
    let cases = (units, 0_usize..20).prop_flat_map(|(units, count)| case(units, count));
    let near = (any::<prop::sample::Index>(), 0_u8..12);
    (cases, vec(near, 20)).prop_map(|(mut case, near)| {
        for (row, (rank, beside)) in (0..case.hours.len()).zip(near) {
            let steps = case.supply(row);
            let step = steps[rank.index(steps.len())];
            // What supply reaches is this step, or next to it.
            let step = if beside < 6 { step } else { step / (1.0 - case.rules.tolerance) };
            let hour = row * (HOURS + 1) + case.hours[row] as usize;
            case.demand[hour] = match beside % 6 {
                0 => step,
                1 => step.next_down().max(0.0),
                2 => step.next_up(),
                _ => case.demand[hour],
            };
        }
        case
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn a_step_is_the_reference_to_the_last_bit(case in any_case()) {
        let (_, expected) = case.step(reference_step::step_batch);
        let fast = case.step(|model, state, actions, outcome| {
            step_batch(model, state, actions, outcome, Some(1))
        });
        let portable = case.step(|model, state, actions, outcome| {
            step_batch_portably(model, state, actions, outcome, None)
        });
        for (done, results) in [fast, portable] {
            prop_assert_eq!(done, Ok(()));
            prop_assert_eq!(results.bits(), expected.bits());
        }
    }

    #[test]
    fn the_first_bad_action_is_told_and_nothing_is_written(
        case in any_case(),
        places in vec(any::<prop::sample::Index>(), 1..4),
        bad in prop::sample::select(vec![f32::NAN, 1.0_f32.next_up(), f32::NEG_INFINITY]),
    ) {
        prop_assume!(!case.actions.is_empty());
        let mut case = case;
        for place in places {
            let place = place.index(case.actions.len());
            case.actions[place] = bad;
        }
        let numbers = 2 * case.model().acting();
        let first = case.actions.iter().enumerate().position(|(position, action)| {
            case.active[position / numbers] != 0 && !(-1.0..=1.0).contains(action)
        });
        let (done, results) = case.step(|model, state, actions, outcome| {
            step_batch(model, state, actions, outcome, None)
        });
        prop_assert_eq!(done, first.map_or(Ok(()), |position| Err(Refusal::Action(position))));
        if done.is_err() {
            prop_assert_eq!(&results.hours, &case.hours);
            let floats = [&results.rewards, &results.prices, &results.dispatch, &results.profits];
            prop_assert!(floats.into_iter().flatten().all(|&value| value == 7.0));
            prop_assert!(results.observations.iter().all(|&value| value == 7.0));
        }
    }

    #[test]
    fn hours_that_an_episode_does_not_have_are_refused(
        case in any_case(), row in any::<prop::sample::Index>(),
        hour in prop::sample::select(vec![-1, HOURS as i64, HOURS as i64 + 1, i64::MIN, i64::MAX]),
    ) {
        prop_assume!(!case.hours.is_empty());
        let mut case = case;
        let row = row.index(case.hours.len());
        case.hours[row] = hour;
        let (done, results) = case.step(|model, state, actions, outcome| {
            step_batch(model, state, actions, outcome, None)
        });
        let allowed = hour == HOURS as i64 && case.active[row] == 0;
        prop_assert_eq!(done, if allowed { Ok(()) } else { Err(Refusal::Hour(row)) });
        prop_assert!(allowed || results.observations.iter().all(|&value| value == 7.0));
    }

    #[test]
    fn any_bits_are_safe(
        case in any_case(), odd in vec(any::<u64>(), 1..20), place in any::<prop::sample::Index>(),
    ) {
        let mut case = case;
        let Case { capacities, costs, demand, numbers, .. } = &mut case;
        let mut cells: Vec<&mut f64> = capacities.iter_mut().chain(costs).chain(demand).chain(numbers).collect();
        for bits in odd {
            let cell = (place.index(cells.len()) + bits as usize % 7) % cells.len();
            *cells[cell] = f64::from_bits(bits);
        }
        for threads in [None, Some(1)] {
            let (done, _) = case.step(|model, state, actions, outcome| {
                step_batch(model, state, actions, outcome, threads)
            });
            prop_assert_eq!(done, Ok(()));
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn threads_change_nothing() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for units in [1, 5, 20] {
        let case = case(units, 10_000).new_tree(&mut runner).unwrap().current();
        let with = |threads| {
            let (done, results) = case.step(|model, state, actions, outcome| {
                step_batch(model, state, actions, outcome, threads)
            });
            assert_eq!(done, Ok(()));
            results
        };
        let expected = with(Some(1));
        for threads in [Some(2), Some(3), None] {
            assert_eq!(with(threads).bits(), expected.bits());
        }
    }
}
