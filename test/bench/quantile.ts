/** The q-quantile (0 … 1) of ascending values, by nearest rank; NaN of none. */
export function quantile(ascending: ArrayLike<number>, q: number): number {
  const index = Math.max(0, Math.ceil(q * ascending.length) - 1);
  return ascending[index] ?? Number.NaN;
}

/** The median of values in any order; of an even number, the lower one. */
export function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}
