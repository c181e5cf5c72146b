//! `load_average`: how many processes ran or waited to run, on average, from /proc/loadavg (proc(5)); three rows.

use crate::sql::table::{Column, Rows, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("period", Type::Text, 0, "1m, 5m or 15m."),
    column("average", Type::Text, 0, "Processes, with six decimals, of which the kernel tells two."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "load_average",
    help: "Load averages",
    columns: COLUMNS,
    open: |query| {
        let line = query.context.root.line("/proc/loadavg");
        let words = line.split(|&byte| byte == b' ').filter(|word| is_number(word));
        let row = |(period, word): (&str, &[u8])| vec![Value::text(period), Value::text([word, b"0000"].concat())];
        Ok(Rows::of(["1m", "5m", "15m"].into_iter().zip(words).map(row).collect()))
    },
};

/// Whether it is as the kernel writes these numbers: digits, a point, two digits.
fn is_number(word: &[u8]) -> bool {
    let mut digits = word.to_vec();
    let point = word.len().checked_sub(3).filter(|&point| digits.get(point) == Some(&b'.'));
    point.is_some_and(|point| {
        digits.remove(point);
        digits.len() > 2 && digits.iter().all(u8::is_ascii_digit)
    })
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, rows};

    #[test]
    fn reads_three_numbers_and_no_others() {
        let tree = Tree::new("load");
        tree.file("/proc/loadavg", "0.52 10.58 1.05 2/345 12345\n");
        let wanted = [["1m", "0.520000"], ["5m", "10.580000"], ["15m", "1.050000"]];
        assert_eq!(tree.rows("SELECT * FROM load_average"), wanted);
        for text in ["", "x.yy", ".52", "0.5", "nonsense of any kind\n"] {
            tree.file("/proc/loadavg", text);
            assert!(tree.rows("SELECT * FROM load_average").is_empty(), "{text}");
        }
    }

    #[test]
    fn are_those_of_the_kernel() {
        let Ok(text) = std::fs::read_to_string("/proc/loadavg") else { return println!("skipped: needs /proc") };
        let ours = rows("", "SELECT CAST(average AS REAL) FROM load_average");
        for (our, their) in ours.iter().zip(text.split(' ')) {
            // Between the two readings the kernel may have reckoned anew.
            assert!((our[0].parse::<f64>().unwrap() - their.parse::<f64>().unwrap()).abs() < 5.0, "{our:?} {their}");
        }
        assert_eq!(ours.len(), 3);
    }
}
