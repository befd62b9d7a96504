#include "assignment.h"

#include <math.h>

/* Shortest augmenting paths, Jonker and Volgenant: https://doi.org/10.1007/BF02278710. Prices keep
 * `cost - row_price - column_price` at 0 for pairs that are assigned and at 0 or more for others.
 * There are never more rows than columns here.
 */
struct problem {
    const double *costs;
    size_t rows;
    size_t columns;
    double *row_prices;
    double *column_prices; /* never above 0, and 0 while a column is free */
    double *distances;     /* of each column from the row that looks for one */
    int32_t *before;       /* the row that a column is reached from */
    int32_t *owners;       /* of columns; -1 for a free one */
    int32_t *choices;      /* of rows */
    int32_t *open;         /* columns whose distance may still fall */
};

size_t imx500_assignment_scratch_bytes(size_t rows, size_t columns) {
    const size_t fewer = rows < columns ? rows : columns;
    const size_t more = rows < columns ? columns : rows;
    return (rows * columns + fewer + 2 * more) * sizeof(double) +
           (fewer + 3 * more) * sizeof(int32_t);
}

/* Every row bids for its cheapest column: often all that there is to do. */
static void take_cheapest(struct problem *problem) {
    for (size_t column = 0; column < problem->columns; column++) {
        problem->owners[column] = -1;
        problem->column_prices[column] = 0.0;
    }
    for (size_t row = 0; row < problem->rows; row++) {
        const double *costs = problem->costs + row * problem->columns;
        size_t cheapest = 0;
        for (size_t column = 1; column < problem->columns; column++)
            if (costs[column] < costs[cheapest])
                cheapest = column;
        problem->row_prices[row] = costs[cheapest];
        problem->choices[row] = -1;
        if (problem->owners[cheapest] < 0) {
            problem->owners[cheapest] = (int32_t)row;
            problem->choices[row] = (int32_t)cheapest;
        }
    }
}

static void shorten_distances(struct problem *problem, size_t row, double so_far, size_t open) {
    const double *costs = problem->costs + row * problem->columns;
    const double from_row = so_far - problem->row_prices[row];
    for (size_t i = 0; i < open; i++) {
        const int32_t column = problem->open[i];
        const double distance = from_row + costs[column] - problem->column_prices[column];
        if (distance < problem->distances[column]) {
            problem->distances[column] = distance;
            problem->before[column] = (int32_t)row;
        }
    }
}

/* A free one among equals, as that ends the search. */
static size_t nearest_open(const struct problem *problem, size_t open) {
    size_t nearest = 0;
    for (size_t i = 1; i < open; i++) {
        const double distance = problem->distances[problem->open[i]];
        const double least = problem->distances[problem->open[nearest]];
        if (distance < least || (distance == least && problem->owners[problem->open[i]] < 0 &&
                                 problem->owners[problem->open[nearest]] >= 0))
            nearest = i;
    }
    return nearest;
}

static void find_column_for(struct problem *problem, size_t row) {
    size_t open = problem->columns;
    for (size_t column = 0; column < problem->columns; column++) {
        problem->distances[column] = INFINITY;
        problem->before[column] = (int32_t)row;
        problem->open[column] = (int32_t)column;
    }
    size_t here = row;
    double so_far = 0.0;
    int32_t column;
    for (;;) {
        shorten_distances(problem, here, so_far, open);
        const size_t nearest = nearest_open(problem, open);
        column = problem->open[nearest];
        so_far = problem->distances[column];
        /* What was visited gathers behind the open ones. */
        open--;
        problem->open[nearest] = problem->open[open];
        problem->open[open] = column;
        if (problem->owners[column] < 0)
            break;
        here = (size_t)problem->owners[column];
    }
    problem->row_prices[row] += so_far;
    for (size_t i = open + 1; i < problem->columns; i++) {
        const int32_t visited = problem->open[i];
        const double slack = so_far - problem->distances[visited];
        problem->row_prices[problem->owners[visited]] += slack;
        problem->column_prices[visited] -= slack;
    }
    for (;;) {
        const int32_t owner = problem->before[column];
        const int32_t given_up = problem->choices[owner];
        problem->owners[column] = owner;
        problem->choices[owner] = column;
        if ((size_t)owner == row)
            break;
        column = given_up;
    }
}

static void solve(struct problem *problem) {
    take_cheapest(problem);
    for (size_t row = 0; row < problem->rows; row++)
        if (problem->choices[row] < 0)
            find_column_for(problem, row);
}

void imx500_assign(const double *costs, size_t rows, size_t columns, int32_t *column_of_row,
                   void *scratch) {
    const int turned = rows > columns;
    const size_t fewer = turned ? columns : rows;
    const size_t more = turned ? rows : columns;
    double *numbers = scratch;
    struct problem problem = {.costs = costs, .rows = fewer, .columns = more};
    if (turned) {
        for (size_t row = 0; row < rows; row++)
            for (size_t column = 0; column < columns; column++)
                numbers[column * rows + row] = costs[row * columns + column];
        problem.costs = numbers;
    }
    problem.row_prices = numbers + rows * columns;
    problem.column_prices = problem.row_prices + fewer;
    problem.distances = problem.column_prices + more;
    problem.choices = (int32_t *)(problem.distances + more);
    problem.before = problem.choices + fewer;
    problem.owners = problem.before + more;
    problem.open = problem.owners + more;
    if (fewer > 0)
        solve(&problem);
    for (size_t row = 0; row < rows; row++)
        column_of_row[row] = fewer == 0 ? -1 : turned ? problem.owners[row] : problem.choices[row];
}
