/* What to ask next: the item whose rating is expected to tell most of all other ratings, given
   what was rated so far (fivestar.analysis.elicitation.greedy.ExpectedVariance). */

class Questions {
  constructor({basis, importance, candidates, precision}, regression) {
    this.basis = unpack(basis);
    this.importance = importance;
    this.candidates = candidates;
    this.precision = new Map(candidates.map((item, at) => [item, precision[at]]));
    this.regression = regression;
    this.directions = new Map(candidates.map(item => [item, this.direction(item)]));
  }

  /* An item's vector in the main directions of taste, in which a user's unknowns have variance 1. */
  direction(item) {
    const {data, columns: rank} = this.basis, design = this.regression.design(item);
    const direction = new Float64Array(rank);
    for (let k = 0; k < design.length; k++) {
      for (let r = 0; r < rank; r++) direction[r] += design[k] * data[k * rank + r];
    }
    return direction;
  }

  /* What is not known yet, a covariance matrix row by row. A rating tells in full. An item that is
     not known counts for as much as its answer was likely, as in a list that is made beforehand:
     so the next question is about something else. */
  covariance(rated, skipped) {
    const rank = this.importance.length, covariance = new Float64Array(rank * rank);
    for (let r = 0; r < rank; r++) covariance[r * rank + r] = 1;
    const told = [...rated].map(item => [item, 1]);
    for (const item of skipped) told.push([item, this.precision.get(item)]);
    for (const [item, precision] of told) {
      const direction = this.direction(item), seen = product(covariance, direction);
      const total = 1 / precision + dot(direction, seen);
      for (let r = 0; r < rank; r++) {
        for (let s = 0; s < rank; s++) covariance[r * rank + s] -= seen[r] * seen[s] / total;
      }
    }
    return covariance;
  }

  /* By how much asking for each candidate is expected to lower the variance of predictions. */
  gains(rated, skipped) {
    const covariance = this.covariance(rated, skipped);
    return this.candidates.map(item => {
      const direction = this.directions.get(item), precision = this.precision.get(item);
      const seen = product(covariance, direction);
      let told = 0;
      for (let r = 0; r < seen.length; r++) told += this.importance[r] * seen[r] * seen[r];
      return precision * told / (1 + precision * dot(direction, seen));
    });
  }

  /* The candidate to ask for, or null where none is left. */
  next(rated, skipped) {
    const gains = this.gains(rated, skipped), asked = new Set([...rated, ...skipped]);
    let best = null;
    this.candidates.forEach((item, at) => {
      if (!asked.has(item) && (best === null || gains[at] > gains[best])) best = at;
    });
    return best === null ? null : this.candidates[best];
  }
}

/* A square matrix, row by row, times a vector. */
function product(matrix, vector) {
  const n = vector.length, result = new Float64Array(n);
  for (let row = 0; row < n; row++) {
    let sum = 0;
    for (let k = 0; k < n; k++) sum += matrix[row * n + k] * vector[k];
    result[row] = sum;
  }
  return result;
}
