//! Annealing schedules for the temperature of a relaxation.

use crate::error::Error;

/// A temperature τ as a function of the training step: high at first, where gradients are smooth and
/// biased, then low, where they are sharp and noisy.
///
/// Every schedule starts at `start`, never rises, and never goes below its floor.
///
/// ```
/// use reparam::TemperatureSchedule;
///
/// let schedule = TemperatureSchedule::exponential(1.0, 0.5, 0.1)?; // halved every step, down to 0.1
/// assert_eq!(schedule.at(0), 1.0);
/// assert_eq!(schedule.at(2), 0.25);
/// assert_eq!(schedule.at(1_000_000), 0.1);
/// # Ok::<(), reparam::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TemperatureSchedule {
    shape: Shape,
    start: f64,
    floor: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Constant,
    Exponential { ln_factor: f64 },
    Linear { steps: u64 },
    Cosine { steps: u64 },
}

fn positive(option: &'static str, value: f64) -> Result<f64, Error> {
    if value > 0.0 && value.is_finite() {
        Ok(value)
    } else {
        Err(Error::Option { option, value, expected: "a finite number above 0" })
    }
}

fn falling(start: f64, floor: f64) -> Result<(), Error> {
    positive("start", start)?;
    positive("floor", floor)?;
    if floor > start {
        return Err(Error::Option { option: "floor", value: floor, expected: "at most the start" });
    }
    Ok(())
}

fn some_steps(steps: u64) -> Result<u64, Error> {
    if steps == 0 {
        return Err(Error::Option { option: "steps", value: 0.0, expected: "at least 1" });
    }
    Ok(steps)
}

impl TemperatureSchedule {
    /// `τ = temperature` at every step.
    ///
    /// # Errors
    /// [`Error::Option`] for a temperature that is not above 0.
    pub fn constant(temperature: f64) -> Result<Self, Error> {
        let start = positive("temperature", temperature)?;
        Ok(Self { shape: Shape::Constant, start, floor: start })
    }

    /// `τ = max(floor, start · factorˢᵗᵉᵖ)`, the schedule of Jang, Gu & Poole 2017.
    ///
    /// # Errors
    /// [`Error::Option`] unless `0 < floor ≤ start` and `0 < factor ≤ 1`.
    pub fn exponential(start: f64, factor: f64, floor: f64) -> Result<Self, Error> {
        falling(start, floor)?;
        if !(factor > 0.0 && factor <= 1.0) {
            return Err(Error::Option { option: "factor", value: factor, expected: "a number in (0, 1]" });
        }
        Ok(Self { shape: Shape::Exponential { ln_factor: factor.ln() }, start, floor })
    }

    /// A straight line from `start` to `floor` in `steps` steps, then `floor`.
    ///
    /// # Errors
    /// [`Error::Option`] unless `0 < floor ≤ start` and `steps ≥ 1`.
    pub fn linear(start: f64, floor: f64, steps: u64) -> Result<Self, Error> {
        falling(start, floor)?;
        Ok(Self { shape: Shape::Linear { steps: some_steps(steps)? }, start, floor })
    }

    /// Half a cosine from `start` to `floor` in `steps` steps, then `floor`:
    /// `τ = floor + ½ (start − floor)(1 + cos(π · step/steps))`.
    ///
    /// # Errors
    /// [`Error::Option`] unless `0 < floor ≤ start` and `steps ≥ 1`.
    pub fn cosine(start: f64, floor: f64, steps: u64) -> Result<Self, Error> {
        falling(start, floor)?;
        Ok(Self { shape: Shape::Cosine { steps: some_steps(steps)? }, start, floor })
    }

    /// τ at a step, counted from 0.
    #[must_use]
    pub fn at(&self, step: u64) -> f64 {
        let Self { start, floor, .. } = *self;
        let progress = |steps: u64| step as f64 / steps as f64;
        let tau = match self.shape {
            Shape::Constant => start,
            Shape::Exponential { ln_factor } => start * (ln_factor * step as f64).exp(),
            Shape::Linear { steps } | Shape::Cosine { steps } if step >= steps => floor,
            Shape::Linear { steps } => start + (floor - start) * progress(steps),
            Shape::Cosine { steps } => {
                floor + 0.5 * (start - floor) * (1.0 + (std::f64::consts::PI * progress(steps)).cos())
            }
        };
        tau.clamp(floor, start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_start_at_the_start_never_rise_and_end_on_the_floor() {
        let schedules = [
            TemperatureSchedule::constant(0.7).unwrap(),
            TemperatureSchedule::exponential(2.0, 0.97, 0.1).unwrap(),
            TemperatureSchedule::linear(2.0, 0.1, 100).unwrap(),
            TemperatureSchedule::cosine(2.0, 0.1, 100).unwrap(),
        ];
        for schedule in schedules {
            assert_eq!(schedule.at(0), schedule.start);
            for step in 0..300 {
                assert!(schedule.at(step + 1) <= schedule.at(step));
            }
            assert_eq!(schedule.at(u64::MAX), schedule.floor);
        }
        assert!((schedules[1].at(3) - 2.0 * 0.97f64.powi(3)).abs() < 1e-12);
        assert!((schedules[2].at(25) - 1.525).abs() < 1e-12);
        assert!((schedules[3].at(50) - 1.05).abs() < 1e-12);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let option = |result: Result<TemperatureSchedule, Error>| match result {
            Err(Error::Option { option, .. }) => option,
            _ => "accepted",
        };
        assert_eq!(option(TemperatureSchedule::constant(0.0)), "temperature");
        assert_eq!(option(TemperatureSchedule::constant(f64::NAN)), "temperature");
        assert_eq!(option(TemperatureSchedule::exponential(1.0, 1.5, 0.1)), "factor");
        assert_eq!(option(TemperatureSchedule::linear(1.0, 2.0, 10)), "floor");
        assert_eq!(option(TemperatureSchedule::cosine(1.0, 0.5, 0)), "steps");
        assert_eq!(option(TemperatureSchedule::cosine(f64::INFINITY, 0.5, 1)), "start");
    }
}
