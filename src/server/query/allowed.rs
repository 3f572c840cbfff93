//! Which queries are answered: those over the one graph there is (behaviour 1.14, S28).

use spargebra::{
    Query,
    algebra::{AggregateExpression, Expression, GraphPattern, OrderExpression},
};

/// Has the query no `FROM`, and nowhere a `GRAPH` or a `SERVICE`, however deep?
pub(super) fn is_allowed(query: &Query) -> bool {
    let (Query::Select { pattern, .. }
    | Query::Construct { pattern, .. }
    | Query::Describe { pattern, .. }
    | Query::Ask { pattern, .. }) = query;
    query.dataset().is_none() && pattern_allowed(pattern)
}

fn pattern_allowed(pattern: &GraphPattern) -> bool {
    match pattern {
        GraphPattern::Graph { .. } | GraphPattern::Service { .. } => false,
        GraphPattern::Bgp { .. } | GraphPattern::Path { .. } | GraphPattern::Values { .. } => true,
        GraphPattern::Join { left, right }
        | GraphPattern::Lateral { left, right }
        | GraphPattern::Union { left, right }
        | GraphPattern::Minus { left, right } => pattern_allowed(left) && pattern_allowed(right),
        GraphPattern::LeftJoin { left, right, expression } => {
            pattern_allowed(left)
                && pattern_allowed(right)
                && expression.as_ref().is_none_or(expression_allowed)
        }
        GraphPattern::Filter { expr, inner } | GraphPattern::Extend { inner, expression: expr, .. } => {
            expression_allowed(expr) && pattern_allowed(inner)
        }
        GraphPattern::OrderBy { inner, expression } => {
            let allowed = |order: &OrderExpression| match order {
                OrderExpression::Asc(expression) | OrderExpression::Desc(expression) => {
                    expression_allowed(expression)
                }
            };
            expression.iter().all(allowed) && pattern_allowed(inner)
        }
        GraphPattern::Group { inner, aggregates, .. } => {
            let allowed = |aggregate: &AggregateExpression| match aggregate {
                AggregateExpression::CountSolutions { .. } => true,
                AggregateExpression::FunctionCall { expr, .. } => expression_allowed(expr),
            };
            aggregates.iter().all(|(_, aggregate)| allowed(aggregate)) && pattern_allowed(inner)
        }
        GraphPattern::Project { inner, .. }
        | GraphPattern::Distinct { inner }
        | GraphPattern::Reduced { inner }
        | GraphPattern::Slice { inner, .. } => pattern_allowed(inner),
    }
}

fn expression_allowed(expression: &Expression) -> bool {
    match expression {
        Expression::NamedNode(_)
        | Expression::Literal(_)
        | Expression::Variable(_)
        | Expression::Bound(_) => true,
        Expression::Or(left, right)
        | Expression::And(left, right)
        | Expression::Equal(left, right)
        | Expression::SameTerm(left, right)
        | Expression::Greater(left, right)
        | Expression::GreaterOrEqual(left, right)
        | Expression::Less(left, right)
        | Expression::LessOrEqual(left, right)
        | Expression::Add(left, right)
        | Expression::Subtract(left, right)
        | Expression::Multiply(left, right)
        | Expression::Divide(left, right) => expression_allowed(left) && expression_allowed(right),
        Expression::UnaryPlus(inner) | Expression::UnaryMinus(inner) | Expression::Not(inner) => {
            expression_allowed(inner)
        }
        Expression::In(left, list) => expression_allowed(left) && list.iter().all(expression_allowed),
        Expression::If(condition, yes, no) => [condition, yes, no].into_iter().all(|e| expression_allowed(e)),
        Expression::Coalesce(list) | Expression::FunctionCall(_, list) => list.iter().all(expression_allowed),
        Expression::Exists(pattern) => pattern_allowed(pattern),
    }
}

#[cfg(test)]
mod tests {
    use spargebra::SparqlParser;

    use super::*;

    #[test]
    fn other_graphs_and_services_are_found_wherever_they_hide() {
        let forbidden = [
            "SELECT * FROM <http://g/> { ?s ?p ?o }",
            "SELECT * FROM NAMED <http://g/> { ?s ?p ?o }",
            "ASK FROM <http://g/> { ?s ?p ?o }",
            "CONSTRUCT { ?s ?p ?o } FROM <http://g/> WHERE { ?s ?p ?o }",
            "DESCRIBE ?s FROM <http://g/> { ?s ?p ?o }",
            "SELECT * { GRAPH ?g { ?s ?p ?o } }",
            "SELECT * { GRAPH <http://g/> { ?s ?p ?o } }",
            "SELECT * { { { ?a ?b ?c { GRAPH ?g { ?s ?p ?o } } } } }",
            "SELECT * { ?s ?p ?o OPTIONAL { GRAPH ?g { ?s ?p ?o } } }",
            "SELECT * { ?s ?p ?o OPTIONAL { ?o ?p ?x FILTER EXISTS { GRAPH ?g { ?s ?p ?o } } } }",
            "SELECT * { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }",
            "SELECT * { ?s ?p ?o LATERAL { GRAPH ?g { ?s ?p ?o } } }",
            "SELECT * { ?s ?p ?o MINUS { GRAPH ?g { ?s ?p ?o } } }",
            "SELECT * { ?s ?p ?o FILTER(!(1 = 2 || EXISTS { GRAPH ?g { ?s ?p ?o } })) }",
            "SELECT * { ?s ?p ?o FILTER(1 IN (2, EXISTS { GRAPH ?g { ?s ?p ?o } })) }",
            "SELECT * { ?s ?p ?o BIND(IF(EXISTS { GRAPH ?g { ?s ?p ?o } }, 1, 2) AS ?x) }",
            "SELECT * { ?s ?p ?o BIND(STR(EXISTS { GRAPH ?g { ?s ?p ?o } }) AS ?x) }",
            "SELECT * { { SELECT ?s { GRAPH ?g { ?s ?p ?o } } LIMIT 1 } }",
            "SELECT (EXISTS { GRAPH ?g { ?s ?p ?o } } AS ?x) { ?s ?p ?o }",
            "SELECT (COUNT(EXISTS { GRAPH ?g { ?s ?p ?o } }) AS ?x) { ?s ?p ?o }",
            "SELECT DISTINCT ?s { ?s ?p ?o } ORDER BY (EXISTS { GRAPH ?g { ?s ?p ?o } })",
            "SELECT ?s { ?s ?p ?o } GROUP BY ?s HAVING (EXISTS { GRAPH ?g { ?s ?p ?o } })",
            "SELECT * { SERVICE <http://s/> { ?s ?p ?o } }",
            "SELECT * { SERVICE SILENT ?s { ?s ?p ?o } }",
            "SELECT * { ?s ?p ?o FILTER NOT EXISTS { SERVICE <http://s/> { ?s ?p ?o } } }",
        ];
        for query in forbidden {
            let parsed =
                SparqlParser::new().parse_query(query).unwrap_or_else(|error| panic!("{query}: {error}"));
            assert!(!is_allowed(&parsed), "{query}");
        }
    }

    #[test]
    fn queries_over_the_one_graph_are_allowed() {
        let allowed = [
            "SELECT * { ?s ?p ?o }",
            "ASK { ?s ?p \"GRAPH ?g { SERVICE FROM\" }",
            "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }",
            "DESCRIBE <http://a/>",
            "SELECT ?s (SUM(?o) AS ?n) { VALUES ?p { <http://p/> } ?s ?p/^?p* ?o } GROUP BY ?s ORDER BY DESC(?n) LIMIT 3",
        ];
        for query in allowed {
            let query = query.replace("^?p*", "^<http://q/>*").replace("?s ?p/", "?s <http://p/>/");
            let parsed =
                SparqlParser::new().parse_query(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
            assert!(is_allowed(&parsed), "{query}");
        }
    }
}
