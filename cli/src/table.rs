//! Aligned tables of text.

/// To which side a column's cells are pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table: a heading for each column, and rows of as many cells.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(columns: &[(&str, Align)]) -> Self {
        Self { columns: columns.iter().map(|&(name, align)| (name.to_owned(), align)).collect(), rows: Vec::new() }
    }

    /// Adds a row; absent cells at its end are empty.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as lines, without trailing blanks; columns without a single filled cell are left out.
    pub(crate) fn render(&self) -> String {
        let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
        let filled = |column: &usize| self.rows.iter().any(|row| !cell(row, *column).is_empty());
        let shown: Vec<usize> = (0..self.columns.len()).filter(filled).collect();
        let heading: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let lines = std::iter::once(&heading).chain(&self.rows);
        let width = |column: usize| lines.clone().map(|row| cell(row, column).chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = shown.iter().map(|&column| width(column)).collect();
        let mut text = String::new();
        for row in lines.clone() {
            let cells = shown.iter().zip(&widths).map(|(&column, &width)| match self.columns[column].1 {
                Align::Left => format!("{:<width$}", cell(row, column)),
                Align::Right => format!("{:>width$}", cell(row, column)),
            });
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

/// Nanoseconds as milliseconds with three decimals.
pub(crate) fn milliseconds(nanoseconds: f64) -> String {
    format!("{:.3}", nanoseconds * 1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_empty_ones_are_left_out() {
        let mut table = Table::new(&[("name", Align::Left), ("nothing", Align::Left), ("ms", Align::Right)]);
        table.row(["a".to_owned(), String::new(), "1.5".to_owned()]);
        table.row(["long".to_owned(), String::new(), "10.5".to_owned()]);
        assert_eq!(table.render(), "name    ms\na      1.5\nlong  10.5\n");
    }

    #[test]
    fn thousands() {}
}
