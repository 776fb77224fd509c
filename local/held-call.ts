// local/held-call: one call that stands still on its way, so that what is done meanwhile is done in a known state.
// in: calls as a proxy receives them · out: the wanted one, held until it is sent on, once or several times

/** A call of an AWS service as it goes over the wire. */
export interface Call {
  /** The header `x-amz-target`: service and operation. */
  readonly target: string;
  readonly body: string;
}

export interface HeldCall {
  readonly call: Call;
  /** Sends it on so often, one after the other; resolves when all are answered. A client that still waits hears the first answer. */
  release(times?: number): Promise<void>;
}

/** A wish for one call. */
export interface Hold {
  readonly caught: Promise<HeldCall>;
  /** Lets every call pass again that was not caught yet. */
  cancel(): void;
}

interface Wish {
  readonly matches: (call: Call) => boolean;
  readonly grant: (held: HeldCall) => void;
}

/** The wishes of one proxy. */
export class Holds {
  #wishes: readonly Wish[] = [];

  /** Whether any call is still wanted: only then a body must be known before it is sent on. */
  get areOpen(): boolean {
    return this.#wishes.length > 0;
  }

  /** Wants the next call of this kind; those after it pass. */
  want(matches: (call: Call) => boolean): Hold {
    let grant: (held: HeldCall) => void = () => {};
    const caught = new Promise<HeldCall>((resolve) => {
      grant = resolve;
    });
    const wish: Wish = { matches, grant };
    this.#wishes = [...this.#wishes, wish];
    return { caught, cancel: () => this.#forget(wish) };
  }

  /** Holds the call if it is wanted. `sendOn` carries it out; only the first answer is for the client. Returns whether it is held. */
  take(call: Call, sendOn: (isFirst: boolean) => Promise<void>): boolean {
    const wish = this.#wishes.find(({ matches }) => matches(call));
    if (wish === undefined) return false;
    this.#forget(wish);
    wish.grant({
      call,
      release: async (times = 1) => {
        for (let i = 0; i < times; i += 1) await sendOn(i === 0);
      },
    });
    return true;
  }

  #forget(wish: Wish): void {
    this.#wishes = this.#wishes.filter((each) => each !== wish);
  }
}
