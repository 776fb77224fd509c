// lib/shadow: two results of one record, field by field.
// in: two JSON values, fields that may differ · out: the fields that differ

/** A field that differs; a side is undefined where it has no such field. */
export interface FieldDifference {
  readonly path: string;
  readonly left: unknown;
  readonly right: unknown;
}

/** More differences of one pair say nothing more. */
const MAX_DIFFERENCES = 20;
const WHOLE = '(value)';

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether a path is meant by a pattern: the same steps, `*` for any one step, a last `**` for any number from none on. */
export const isIgnored = (path: readonly string[], pattern: string): boolean => {
  const wanted = pattern.split('.');
  const isOpen = wanted.at(-1) === '**';
  if (isOpen) wanted.pop();
  if (isOpen ? path.length < wanted.length : path.length !== wanted.length) return false;
  return wanted.every((step, i) => step === '*' || step === path[i]);
};

/** Where two values differ, outside of what is ignored. Numbers, texts and truths by value, lists by place, maps by name whatever the order. */
export const differencesBetween = (left: unknown, right: unknown, ignore: readonly string[] = []): FieldDifference[] => {
  const found: FieldDifference[] = [];
  const visit = (a: unknown, b: unknown, path: readonly string[]): void => {
    if (found.length >= MAX_DIFFERENCES || Object.is(a, b)) return;
    if (path.length > 0 && ignore.some((pattern) => isIgnored(path, pattern))) return;
    const bothMaps = isMap(a) && isMap(b);
    if (bothMaps || (Array.isArray(a) && Array.isArray(b))) {
      const names = new Set([...Object.keys(a), ...Object.keys(b)]);
      const at = (side: object, name: string): unknown =>
        Object.hasOwn(side, name) ? (side as Record<string, unknown>)[name] : undefined;
      for (const name of names) visit(at(a, name), at(b, name), [...path, name]);
      return;
    }
    found.push({ path: path.join('.') || WHOLE, left: a, right: b });
  };
  visit(left, right, []);
  return found;
};
