//! The table of a sweep: which columns it has, and how rows come into it.

use results::points::{Cells, PointsColumn, PointsTable, Texts};
use scenarios::sweep::{Scalar, Setting, Unit};

use crate::Plan;
use crate::entry::{EntryRow, FIGURES};

/// Columns before those of axes.
const BEFORE: [&str; 8] = ["point", "case", "strategy", "replicate", "seed", "stream", "stop", "verdict"];

/// Column of what went wrong, the last.
const ERROR: &str = "error";

/// Reasons that are counted apart.
const MOST_REASONS: usize = 16;

/// Builds the table row by row.
pub(crate) struct TableBuilder<'a> {
    plan: &'a Plan,
    columns: Vec<PointsColumn>,
    axes: usize,
    failures: Vec<(String, u64)>,
}

impl<'a> TableBuilder<'a> {
    pub(crate) fn new(plan: &'a Plan) -> Self {
        let text = || Cells::Text(Texts::default());
        let mut columns: Vec<PointsColumn> = Vec::new();
        let mut add = |name: &str, cells: Cells| {
            // An axis may be called as a figure is.
            let mut name = name.to_owned();
            while columns.iter().any(|column| column.name == name) {
                name.push('_');
            }
            columns.push(PointsColumn { name, cells });
        };
        for name in BEFORE {
            add(
                name,
                match name {
                    "point" | "replicate" => Cells::Integer(Vec::new()),
                    "seed" => Cells::Unsigned(Vec::new()),
                    _ => text(),
                },
            );
        }
        let names = plan.sweep().axes.iter().flat_map(|axis| &axis.columns);
        let units = plan.units();
        let axes = units.len();
        for (name, unit) in names.zip(units) {
            add(
                name,
                match unit {
                    None => text(),
                    Some(Unit::Real | Unit::BytesPerSecond) => Cells::Real(Vec::new()),
                    Some(_) => Cells::Integer(Vec::new()),
                },
            );
        }
        for figure in &FIGURES {
            add(figure.name, if figure.is_integer { Cells::Integer(Vec::new()) } else { Cells::Real(Vec::new()) });
        }
        for figure in &plan.sweep().figures {
            add(figure, Cells::Real(Vec::new()));
        }
        add(ERROR, text());
        Self { plan, columns, axes, failures: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn add(
        &mut self,
        point: u64,
        settings: &[Setting],
        strategy: usize,
        (replicate, seed): (usize, u64),
        row: &EntryRow,
    ) {
        let strategy = &self.plan.sweep().strategies[strategy];
        let texts = [Some(row.case.as_str()), Some(strategy), Some(&row.stream), row.stop.as_deref(), row.verdict.as_deref()];
        let mut texts = texts.into_iter();
        let (before, rest) = self.columns.split_at_mut(BEFORE.len());
        for (index, column) in before.iter_mut().enumerate() {
            match &mut column.cells {
                Cells::Integer(cells) => cells.push(Some(if index == 0 { point as i64 } else { replicate as i64 })),
                Cells::Unsigned(cells) => cells.push(Some(seed)),
                Cells::Text(cells) => cells.push(texts.next().flatten()),
                Cells::Real(_) => {}
            }
        }
        let (of_axes, rest) = rest.split_at_mut(self.axes);
        for (column, value) in of_axes.iter_mut().zip(settings.iter().flatten()) {
            match (&mut column.cells, Scalar::of(value)) {
                (Cells::Integer(cells), Scalar::Number(number, _)) => {
                    // Whole numbers keep all their bits.
                    cells.push(Some(value.as_integer().unwrap_or(number as i64)));
                }
                (Cells::Real(cells), Scalar::Number(number, _)) => cells.push(Some(number)),
                (Cells::Text(cells), Scalar::Text(text)) => cells.push(Some(&text)),
                (Cells::Text(cells), Scalar::Number(..)) => cells.push(Some(value.as_str().unwrap_or(&value.to_string()))),
                (cells, _) => cells.push_empty(),
            }
        }
        for (column, &figure) in rest.iter_mut().zip(&row.figures) {
            let figure = Some(figure).filter(|figure| !figure.is_nan());
            match &mut column.cells {
                Cells::Integer(cells) => cells.push(figure.map(|figure| figure as i64)),
                Cells::Real(cells) => cells.push(figure),
                Cells::Text(_) | Cells::Unsigned(_) => {}
            }
        }
        if let Some(Cells::Text(cells)) = rest.last_mut().map(|column| &mut column.cells) {
            cells.push(row.error.as_deref());
        }
        if let Some(why) = &row.error {
            self.count(why);
        }
    }

    fn count(&mut self, why: &str) {
        const OTHERS: &str = "other reasons";
        let why = if self.failures.len() < MOST_REASONS { why } else { OTHERS };
        match self.failures.iter_mut().find(|(known, _)| known == why) {
            Some((_, rows)) => *rows += 1,
            None => self.failures.push((why.to_owned(), 1)),
        }
    }

    /// The table, and why rows have no figures.
    pub(crate) fn finish(self) -> (PointsTable, Vec<(String, u64)>) {
        (PointsTable { columns: self.columns }, self.failures)
    }
}

/// Whether a column holds nothing though there are rows.
pub(crate) fn is_empty(table: &PointsTable, name: &str) -> bool {
    match table.column(name) {
        Some(Cells::Real(cells)) => !cells.is_empty() && cells.iter().all(Option::is_none),
        _ => false,
    }
}
