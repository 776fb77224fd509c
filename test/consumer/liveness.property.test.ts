import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeartbeatObserver, OwnLiveness } from '../../lib/consumer/liveness.ts';
import type { Worker } from '../../lib/model/worker.ts';

const at = (workerId: string, heartbeat: number): Worker => ({ workerId, heartbeat }) as Worker;

describe('HeartbeatObserver', () => {
  it('expires a worker only after its counter stood still here for the failover time', () => {
    const observer = new HeartbeatObserver(1000);
    observer.observe([at('a', 1)], ['a'], 0);
    observer.observe([at('a', 1)], ['a'], 1000);
    expect(observer.isExpired('a', 1000)).toBe(false);
    expect(observer.isExpired('a', 1001)).toBe(true);
    observer.observe([at('a', 2)], ['a'], 1002);
    expect(observer.isExpired('a', 1500)).toBe(false);
  });

  it('counts an owner without a heartbeat item from when it was first missed', () => {
    const observer = new HeartbeatObserver(1000);
    observer.observe([], ['gone'], 500);
    expect(observer.isExpired('gone', 1400)).toBe(false);
    expect(observer.isExpired('gone', 1501)).toBe(true);
  });

  it('never expires a worker that it has not observed', () => {
    expect(new HeartbeatObserver(1000).isExpired('unknown', 1e9)).toBe(false);
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
            if (observer.isExpired('a', nowMs)) expect(own.mayAct(nowMs)).toBe(false);
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
    own.confirmed(5010);
    expect(own.mayAct(5020)).toBe(true);
  });

  it('gives no right before the first heartbeat', () => {
    expect(new OwnLiveness(1000).mayAct(0)).toBe(false);
  });
});
