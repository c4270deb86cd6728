/* The cold-start solution, as fivestar.models.solver.UserRegression has it: with d_j the vectors of
   the items that a user rated, g_j their base and P the penalty,

     x = (D'D + P)^-1 D'e = P^-1 D' a,   a = (D P^-1 D' + 1)^-1 e,   e_j = r_j - g_j,

   so that the system to solve is as small as the number of ratings. A prediction is g_i + d_i . x. */

const JITTER = 1e-6, LEAST = 1e-30;  // of the penalty, as in fivestar.models.row_systems

/* A matrix out of fivestar.pipelines.try_page.packing: {data, columns}, row by row. */
function unpack({scales, data}) {
  const text = atob(data), bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  const view = new DataView(bytes.buffer), columns = scales.length;
  const matrix = new Float32Array(bytes.length / 2);
  for (let at = 0; at < matrix.length; at++) {
    matrix[at] = view.getInt16(2 * at, true) * scales[at % columns];
  }
  return {data: matrix, columns};
}

/* The regression of the page's contents; the last column of its items is the base. */
class Regression {
  constructor({items, penalty}) {
    this.items = unpack(items);
    this.size = this.items.columns - 1;
    this.count = this.items.data.length / this.items.columns;
    this.penalty = penalty;
    this.mostRatings = penalty.values.length - 1;
  }

  base(item) {
    return this.items.data[item * this.items.columns + this.size];
  }

  /* d_i, (size,); the values themselves, not a copy. */
  design(item) {
    const start = item * this.items.columns;
    return this.items.data.subarray(start, start + this.size);
  }

  /* P^-1 of a user who rated these items, (size,). */
  inversePenalty(rated) {
    let trace = 0;
    for (const item of rated) trace += dot(this.design(item), this.design(item));
    const least = Math.max(JITTER * trace, LEAST), values = this.penalty.values[rated.length];
    return Float64Array.from(this.penalty.group, group => 1 / Math.max(values[group], least));
  }

  /* The solution for a Map from items to ratings; of these there may be mostRatings. */
  solve(ratings) {
    const rated = [...ratings.keys()], n = rated.length;
    const inverse = this.inversePenalty(rated);
    const scaled = rated.map(item => times(this.design(item), inverse));
    const matrix = new Float64Array(n * n);
    for (let row = 0; row < n; row++) {
      for (let column = 0; column <= row; column++) {
        matrix[row * n + column] = dot(scaled[row], this.design(rated[column]));
      }
      matrix[row * n + row] += 1;
    }
    const factor = cholesky(matrix, n);
    const errors = Float64Array.from(rated, item => ratings.get(item) - this.base(item));
    const weights = solveCholesky(factor, errors, n);
    const unknowns = new Float64Array(this.size);
    scaled.forEach((row, at) => addTimes(unknowns, row, weights[at]));
    return {rated, scaled, factor, errors, unknowns};
  }

  /* Of all items, before they are kept inside the scale, (count,). */
  predictAll({unknowns}) {
    const {data, columns} = this.items, size = this.size;
    const predicted = new Float64Array(this.count);
    for (let item = 0, at = 0; item < this.count; item++, at += columns) {
      let sum = data[at + size];
      for (let k = 0; k < size; k++) sum += data[at + k] * unknowns[k];
      predicted[item] = sum;
    }
    return predicted;
  }

  /* What each rating adds to an item's prediction, as {item, adds}: they and the base sum to it. */
  contributions({rated, scaled, factor, errors}, item) {
    const design = this.design(item);
    const products = Float64Array.from(scaled, row => dot(row, design));
    const influence = solveCholesky(factor, products, rated.length);
    return rated.map((other, at) => ({item: other, adds: influence[at] * errors[at]}));
  }
}

function dot(left, right) {
  let sum = 0;
  for (let k = 0; k < left.length; k++) sum += left[k] * right[k];
  return sum;
}

function times(left, right) {
  return Float64Array.from(left, (value, k) => value * right[k]);
}

/* target += factor * vector */
function addTimes(target, vector, factor) {
  for (let k = 0; k < target.length; k++) target[k] += factor * vector[k];
}

/* L with L L' the symmetric matrix of n rows, of which the lower half is read. */
function cholesky(matrix, n) {
  const factor = new Float64Array(n * n);
  for (let row = 0; row < n; row++) {
    for (let column = 0; column <= row; column++) {
      let rest = matrix[row * n + column];
      for (let k = 0; k < column; k++) rest -= factor[row * n + k] * factor[column * n + k];
      factor[row * n + column] =
        row === column ? Math.sqrt(rest) : rest / factor[column * n + column];
    }
  }
  return factor;
}

/* x with L L' x = right */
function solveCholesky(factor, right, n) {
  const x = Float64Array.from(right);
  for (let row = 0; row < n; row++) {
    for (let k = 0; k < row; k++) x[row] -= factor[row * n + k] * x[k];
    x[row] /= factor[row * n + row];
  }
  for (let row = n - 1; row >= 0; row--) {
    for (let k = row + 1; k < n; k++) x[row] -= factor[k * n + row] * x[k];
    x[row] /= factor[row * n + row];
  }
  return x;
}
