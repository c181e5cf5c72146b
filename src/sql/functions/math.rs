//! Mathematics (osquery: `osquery/sql/sqlite_math.cpp`, by its described rules). SQLite's own functions of these names
//! are not compiled in: its `ceil` and `floor` give doubles, these give integers.
//!
//! What glibc reports in errno is an error of the query, in glibc's words; musl reports nothing, so the result tells.

use super::{Function, Outcome, function};
use crate::sql::table::{TableError, Value};
use crate::sys::function::{Arguments, Kind};

/// See the module's head.
pub const FUNCTIONS: &[Function] = &[
    function(c"sqrt", &[1], "sqrt(X): square root.", |arguments, _| plain(arguments, f64::sqrt)),
    function(c"acos", &[1], "acos(X): arc cosine, radians.", |arguments, _| plain(arguments, f64::acos)),
    function(c"asin", &[1], "asin(X): arc sine, radians.", |arguments, _| plain(arguments, f64::asin)),
    function(c"atan", &[1], "atan(X): arc tangent, radians.", |arguments, _| plain(arguments, f64::atan)),
    function(c"cos", &[1], "cos(X): cosine of X radians.", |arguments, _| plain(arguments, f64::cos)),
    function(c"sin", &[1], "sin(X): sine of X radians.", |arguments, _| plain(arguments, f64::sin)),
    function(c"tan", &[1], "tan(X): tangent of X radians.", |arguments, _| plain(arguments, f64::tan)),
    function(c"cot", &[1], "cot(X): cotangent of X radians.", |arguments, _| plain(arguments, |x| 1.0 / x.tan())),
    function(c"exp", &[1], "exp(X): e to the power of X.", |arguments, _| exp(arguments)),
    function(c"log", &[1], "log(X): natural logarithm.", |arguments, _| logarithm(arguments, f64::ln)),
    function(c"log10", &[1], "log10(X): decimal logarithm.", |arguments, _| logarithm(arguments, f64::log10)),
    function(c"degrees", &[1], "degrees(X): X radians in degrees.", |arguments, _| {
        plain(arguments, |x| 180.0 * x / std::f64::consts::PI)
    }),
    function(c"radians", &[1], "radians(X): X degrees in radians.", |arguments, _| {
        plain(arguments, |x| x * std::f64::consts::PI / 180.0)
    }),
    function(c"power", &[2], "power(X, Y): X to the power of Y.", |arguments, _| power(arguments)),
    function(c"pi", &[0], "pi(): 3.14159….", |_, _| Ok(Value::Real(std::f64::consts::PI))),
    function(c"ceil", &[1], "ceil(X): the least integer that is not less.", |arguments, _| {
        rounded(arguments, f64::ceil)
    }),
    function(c"floor", &[1], "floor(X): the greatest integer that is not greater.", |arguments, _| {
        rounded(arguments, f64::floor)
    }),
];

fn domain() -> TableError {
    TableError::new("Numerical argument out of domain")
}

fn range() -> TableError {
    TableError::new("Numerical result out of range")
}

fn number(arguments: &Arguments<'_>) -> Option<f64> {
    (!arguments.is_null(0)).then(|| arguments.real(0))
}

/// A function that has no poles: only what is no number is an error. SQLite has no NaN, so none comes in.
fn plain(arguments: &Arguments<'_>, function: fn(f64) -> f64) -> Outcome {
    let Some(x) = number(arguments) else { return Ok(Value::Null) };
    let y = function(x);
    if y.is_nan() { Err(domain()) } else { Ok(Value::Real(y)) }
}

fn logarithm(arguments: &Arguments<'_>, function: fn(f64) -> f64) -> Outcome {
    if number(arguments) == Some(0.0) { Err(range()) } else { plain(arguments, function) }
}

/// osquery takes `expl`: what overflows is a long double of 16383 binary digits before the point, and what is too big
/// for a double only is infinite.
fn exp(arguments: &Arguments<'_>) -> Outcome {
    const MOST: f64 = 11_356.523_406_294_144;
    const LEAST: f64 = -11_399.498_531_488_86;
    match number(arguments) {
        Some(x) if x.is_finite() && !(LEAST..=MOST).contains(&x) => Err(range()),
        _ => plain(arguments, f64::exp),
    }
}

fn power(arguments: &Arguments<'_>) -> Outcome {
    if arguments.is_null(0) || arguments.is_null(1) {
        return Ok(Value::Null);
    }
    let (x, y) = (arguments.real(0), arguments.real(1));
    let z = x.powf(y);
    let finite = x.is_finite() && y.is_finite();
    match z {
        _ if z.is_nan() => Err(domain()),
        _ if finite && (z.is_infinite() || z == 0.0 && x != 0.0) => Err(range()),
        _ => Ok(Value::Real(z)),
    }
}

fn rounded(arguments: &Arguments<'_>, function: fn(f64) -> f64) -> Outcome {
    Ok(match arguments.kind(0) {
        Kind::Null => Value::Null,
        Kind::Integer => Value::Integer(arguments.integer(0)),
        // Beyond 64 bits it is the nearest there is.
        _ => Value::Integer(function(arguments.real(0)) as i64),
    })
}

#[cfg(test)]
mod tests {
    use crate::sql::functions::tests::{check, check_failures};

    #[test]
    fn values() {
        check(&[
            ("sqrt(2)", "1.4142135623730951"),
            ("sqrt('16')", "4.0"),
            ("sqrt('x')", "0.0"),
            ("acos(1)", "0.0"),
            ("asin(1) = pi() / 2", "1"),
            ("atan(1) * 4 = pi()", "1"),
            ("cos(0)", "1.0"),
            ("sin(0)", "0.0"),
            ("tan(0)", "0.0"),
            ("round(cot(1), 6)", "0.642093"),
            ("cot(0)", "inf"),
            ("exp(0)", "1.0"),
            ("exp(1000)", "inf"),
            ("exp(-1000)", "0.0"),
            ("log(exp(1))", "1.0"),
            ("log10(1000)", "3.0"),
            ("log(9e999)", "inf"),
            ("degrees(pi())", "180.0"),
            ("radians(180) = pi()", "1"),
            ("power(2, 10)", "1024.0"),
            ("power(0, 0)", "1.0"),
            ("power(0, 5)", "0.0"),
            ("power(2, -9e999)", "0.0"),
            ("power('2', '0.5') = sqrt(2)", "1"),
            ("typeof(sqrt(4))", "real"),
            ("round(pi(), 9)", "3.141592654"),
        ]);
    }

    #[test]
    fn null_gives_null() {
        for name in
            ["sqrt", "acos", "asin", "atan", "cos", "sin", "tan", "cot", "exp", "log", "log10", "degrees", "radians"]
        {
            check(&[(&format!("{name}(NULL)"), "NULL")]);
        }
        check(&[
            ("power(NULL, 1)", "NULL"),
            ("power(1, NULL)", "NULL"),
            ("ceil(NULL)", "NULL"),
            ("floor(NULL)", "NULL"),
        ]);
    }

    #[test]
    fn what_libm_refuses_is_an_error() {
        let domain = "Numerical argument out of domain";
        let range = "Numerical result out of range";
        check_failures(&[
            ("sqrt(-1)", domain),
            ("acos(2)", domain),
            ("asin(-1.5)", domain),
            ("sin(9e999)", domain),
            ("cos(9e999)", domain),
            ("tan(-9e999)", domain),
            ("cot(9e999)", domain),
            ("log(-1)", domain),
            ("log10(-0.5)", domain),
            ("power(-1, 0.5)", domain),
            ("log(0)", range),
            ("log10('x')", range),
            ("exp(12000)", range),
            ("exp(-12000)", range),
            ("power(10, 400)", range),
            ("power(10, -400)", range),
            ("power(0, -1)", range),
        ]);
    }

    #[test]
    fn ceil_and_floor_are_integers() {
        check(&[
            ("ceil(1.2)", "2"),
            ("floor(1.8)", "1"),
            ("ceil(-1.2)", "-1"),
            ("floor(-1.2)", "-2"),
            ("ceil(7)", "7"),
            ("floor(9223372036854775807)", "9223372036854775807"),
            ("typeof(ceil(1.0)) || typeof(floor(1))", "integerinteger"),
            ("ceil('1.5')", "2"),
            ("floor('x')", "0"),
            ("ceil(1e300)", "9223372036854775807"),
        ]);
    }
}
