// test: what this process holds on to: objects by class, listeners of abort signals, and the sizes of private collections.
// in: a process with --expose-gc; objects to look into · out: counts, to be compared at two moments
import { getEventListeners } from 'node:events';
import { type Runtime, Session } from 'node:inspector';
import { queryObjects } from 'node:v8';

const signals: WeakRef<AbortSignal>[] = [];
const addEventListener = EventTarget.prototype.addEventListener;
const known = new WeakSet<EventTarget>();

/** From now on every signal that is listened to is remembered, weakly. */
export const followSignals = (): void => {
  EventTarget.prototype.addEventListener = function (this: EventTarget, ...call: Parameters<typeof addEventListener>) {
    if (this instanceof AbortSignal && !known.has(this)) {
      known.add(this);
      signals.push(new WeakRef(this));
    }
    return addEventListener.apply(this, call);
  };
};

/** Everything that nothing holds is gone: a class of garbage at a time, since some of it is only let go by what was collected before. */
export const collectGarbage = async (): Promise<void> => {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (collect === undefined) throw new Error('the process must be started with --expose-gc, got none');
  for (let i = 0; i < 4; i += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
};

/** Listeners on the signals that are still there. */
export const listeners = (): number =>
  signals.reduce((sum, ref) => {
    const signal = ref.deref();
    return sum + (signal === undefined ? 0 : getEventListeners(signal, 'abort').length);
  }, 0);

// biome-ignore lint/suspicious/noExplicitAny: any class at all
type Class = abstract new (...args: any[]) => unknown;

/** How many objects of each class are alive. */
export const objects = (classes: readonly Class[]): Record<string, number> =>
  Object.fromEntries(classes.map((each) => [each.name, queryObjects(each, { format: 'count' })]));

/** What belongs to the world and not to the object that is looked into. */
const OUTSIDE = new Set(['#ports', '#clock', '#reader', 'ports', 'clock', 'reader']);
const DEPTH = 8;

type Properties = Runtime.GetPropertiesReturnType & {
  readonly privateProperties?: readonly { name: string; value?: Runtime.RemoteObject }[];
};

/** The size of every map, set and list that an object holds, by the first private path to it. */
export const collections = (root: object): Record<string, number> => {
  const session = new Session();
  session.connect();
  const sizes: Record<string, number> = {};
  const seen = new WeakSet<object>();
  Object.assign(globalThis, {
    lookedInto: root,
    isNew: (value: object) => !seen.has(value) && seen.add(value) !== undefined,
  });
  /** In the same thread the answer comes before the call returns. */
  const ask = <T>(method: string, params: object): T => {
    let answer: unknown;
    session.post(method, params, (error: Error | null, result?: object) => {
      if (error !== null) throw error;
      answer = result;
    });
    return answer as T;
  };
  const call = (objectId: string, functionDeclaration: string): Runtime.RemoteObject =>
    ask<{ result: Runtime.RemoteObject }>('Runtime.callFunctionOn', { functionDeclaration, objectId }).result;
  const look = (path: string, value: Runtime.RemoteObject, depth: number): void => {
    if (value.type !== 'object' || value.objectId === undefined || depth > DEPTH) return;
    if (call(value.objectId, 'function () { return globalThis.isNew(this); }').value !== true) return;
    const size = /^(?:Map|Set|Array)\((\d+)\)$/.exec(value.description ?? '');
    if (size !== null) sizes[path] = (sizes[path] ?? 0) + Number(size[1]);
    // A map's or set's values are looked into as a list's.
    const { objectId } = call(
      value.objectId,
      'function () { return this instanceof Map || this instanceof Set ? [...this.values()] : this; }',
    );
    const found = ask<Properties>('Runtime.getProperties', { objectId, ownProperties: true });
    for (const { name, value: inner } of [...found.result, ...(found.privateProperties ?? [])])
      if (inner !== undefined && !OUTSIDE.has(name)) look(`${path}.${/^\d+$/.test(name) ? '*' : name}`, inner, depth + 1);
  };
  look(
    root.constructor.name,
    ask<{ result: Runtime.RemoteObject }>('Runtime.evaluate', { expression: 'globalThis.lookedInto' }).result,
    0,
  );
  session.disconnect();
  return sizes;
};
