// bench/options: what the benches are told on the command line.
// in: the arguments after the bench's name · out: checked values

/** What follows an option; undefined where it is not given or nothing follows. */
export const textAfter = (options: readonly string[], name: string): string | undefined =>
  options.includes(name) ? options[options.indexOf(name) + 1] : undefined;

/** A whole number of at least `least`. Throws a RangeError for anything else. */
export const wholeNumber = (options: readonly string[], name: string, otherwise: number, least: number): number => {
  if (!options.includes(name)) return otherwise;
  const given = textAfter(options, name) ?? 'nothing';
  if (!(Number.isInteger(Number(given)) && Number(given) >= least))
    throw new RangeError(`${name} must be a whole number of at least ${least}, got ${given}`);
  return Number(given);
};
