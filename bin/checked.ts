// bin/checked: what became of words or of a file that were checked.
// in: a value, or what is wrong · out: either, told apart by its kind

/** A value that is right, or the one line that says what is wrong, what came and what is allowed. */
export type Checked<T> = { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'refused'; readonly message: string };
export const ok = <T>(value: T): Checked<T> => ({ kind: 'ok', value });
export const refused = (message: string): Checked<never> => ({ kind: 'refused', message });
