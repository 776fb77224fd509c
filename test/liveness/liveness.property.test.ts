import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeartbeatObserver } from '../../lib/liveness/heartbeat-observer.ts';
import { OwnLiveness } from '../../lib/liveness/own-liveness.ts';
import type { Beat } from '../../lib/model/worker.ts';

const at = (workerId: string, heartbeat: number, failoverMs = 1000): Beat => ({
  workerId,
  heartbeat,
  state: 'active',
  failoverMs,
  stuck: false,
  atMs: 0,
});

describe('HeartbeatObserver', () => {
  it('expires a worker only after its heartbeat stood still here for the failover time', () => {
    const observer = new HeartbeatObserver(1000);
    observer.observe([at('a', 1)], ['a'], 0);
    observer.observe([at('a', 1)], ['a'], 900);
    expect(observer.expiresAtMs('a', 0)).toBe(1000);
    observer.observe([at('a', 2)], ['a'], 1002);
    expect(observer.expiresAtMs('a', 0)).toBe(2002);
  });

  it('gives each worker the time that it says itself, whatever our own setting is', () => {
    const observer = new HeartbeatObserver(1000);
    observer.observe([at('slow', 1, 6000)], ['slow'], 0);
    expect(observer.expiresAtMs('slow', 0)).toBe(6000);
  });

  it('counts an owner without a heartbeat item from when it was first missed', () => {
    const observer = new HeartbeatObserver(1000);
    observer.observe([], ['gone'], 500);
    observer.observe([], ['gone'], 900);
    expect(observer.expiresAtMs('gone', 0)).toBe(1500);
  });

  it('never expires a worker that it has not observed', () => {
    expect(new HeartbeatObserver(1000).expiresAtMs('unknown', 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it('counts no silence from before our own heartbeats arrived again: in an outage nobody can beat', () => {
    const observer = new HeartbeatObserver(1000);
    observer.observe([at('a', 1)], ['a'], 0);
    observer.observe([at('a', 1)], ['a'], 60_000);
    expect(observer.expiresAtMs('a', 59_900)).toBe(60_900);
  });
});

describe('OwnLiveness', () => {
  it('ends for every schedule of heartbeats before any observer may take over', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 0, max: 1500 })), { minLength: 1, maxLength: 20 }),
        (beats) => {
          const own = new OwnLiveness(1000);
          const observer = new HeartbeatObserver(1000);
          let sentAtMs = 0;
          for (const [i, [pauseMs, tookMs]] of beats.entries()) {
            sentAtMs += pauseMs;
            // The store shows the beat at some moment between sending and answering; the earliest is the worst case.
            observer.observe([at('a', i)], ['a'], sentAtMs);
            sentAtMs += tookMs;
            own.renewed(sentAtMs - tookMs, sentAtMs);
            own.confirmed(sentAtMs);
            if (tookMs < 800) expect(own.mayAct(sentAtMs)).toBe(true);
          }
          for (let nowMs = 0; nowMs < sentAtMs + 4000; nowMs += 37) {
            if (nowMs >= observer.expiresAtMs('a', 0)) expect(own.mayAct(nowMs)).toBe(false);
          }
        },
      ),
    );
  });

  it('does not come back after a lapse by a heartbeat alone: the leases must have been read since', () => {
    const own = new OwnLiveness(1000);
    own.renewed(0, 10);
    expect(own.mayAct(20)).toBe(false);
    own.confirmed(15);
    expect(own.mayAct(20)).toBe(true);
    own.renewed(5000, 5010);
    own.confirmed(4000);
    expect(own.mayAct(5020)).toBe(false);
    expect(own.isConfirmed).toBe(false);
    own.confirmed(5010);
    expect(own.mayAct(5020)).toBe(true);
  });

  it('gives no right before the first heartbeat', () => {
    expect(new OwnLiveness(1000).mayAct(0)).toBe(false);
  });

  it('is one over all instances on the same cells, as in the thread that beats and the one that acts', () => {
    const acting = new OwnLiveness(1000);
    const beating = new OwnLiveness(1000, acting.cells);
    acting.seen(7);
    acting.say('draining', true);
    acting.say('stuck', true);
    acting.say('draining', false);
    beating.renewed(100, 105);
    acting.confirmed(106);
    expect(acting.mayAct(110)).toBe(true);
    expect([beating.mainSeenAtMs, beating.says('draining'), beating.says('stuck')]).toEqual([7, false, true]);
    expect([acting.coveredUntilMs, acting.heldSinceMs, acting.lastTookMs]).toEqual([900, 105, 5]);
  });
});
