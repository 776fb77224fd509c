// test/simulation: a store that copies what it answers is asked once between two changes; readers do not change what they read.
// in: a store, its reading methods · out: the same store, faster

type Method = (...args: unknown[]) => Promise<unknown>;

/** Keeps each answer of the reading methods until some other method is called. */
export const readOnce = <Store extends object>(store: Store, reading: readonly (keyof Store)[]): Store => {
  const answers = new Map<string, Promise<unknown>>();
  const entries = Object.entries(store).map(([name, member]) => {
    const method = member as Method;
    if (!reading.includes(name as keyof Store)) {
      const change: Method = (...args) => {
        answers.clear();
        return method(...args);
      };
      return [name, change];
    }
    const read: Method = (...args) => {
      const key = `${name} ${JSON.stringify(args)}`;
      const known = answers.get(key) ?? method(...args);
      answers.set(key, known);
      return known;
    };
    return [name, read];
  });
  return Object.fromEntries(entries) as Store;
};
