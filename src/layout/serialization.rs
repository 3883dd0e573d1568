//! A layout as serialised data: the list of its ranges, checked when it is read.

use serde::{Deserialize, Serialize};

use super::{Domain, Layout, ParamRange};

/// What is written for a [`Layout`].
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct LayoutData(Vec<ParamRange>);

impl From<Layout> for LayoutData {
    fn from(layout: Layout) -> Self {
        Self(layout.parts.to_vec())
    }
}

impl TryFrom<LayoutData> for Layout {
    type Error = &'static str;

    fn try_from(LayoutData(parts): LayoutData) -> Result<Self, Self::Error> {
        let (mut end, mut previous) = (0, None);
        for part in &parts {
            if part.range.start != end || part.range.end < end {
                return Err("the ranges of a layout must follow each other from 0 on");
            }
            let len = part.range.end - end;
            match part.domain {
                Domain::Simplex(classes) if classes == 0 || len % classes != 0 => {
                    return Err("a range of simplices must hold whole rows");
                }
                Domain::AbovePrevious if previous != Some(len) => {
                    return Err("a range of upper bounds must be as long as the range before it");
                }
                _ => {}
            }
            (end, previous) = (part.range.end, Some(len));
        }
        Ok(Self { parts: parts.into() })
    }
}
