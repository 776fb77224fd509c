// test: one worker as the explored world has it: lease-agent.ts and handover-agent.ts without their ports, around the decisions that production makes.
// in: what the worker holds and sees · out: every step that it can make now
import type { Effect } from '../../../lib/handover/decide.ts';
import { drivenWrite } from '../../../lib/handover/decide-driver.ts';
import {
  checkpoint,
  claim,
  endShard,
  giveBack,
  handOn,
  openChain,
  reportDivergence,
  takeOver,
  verifyShadow,
} from '../../../lib/handover/worker-writes.ts';
import type { Lease } from '../../../lib/model/lease.ts';
import { compareCheckpoints } from '../../../lib/model/sequence-number.ts';
import { type Outcome, type View, writeOutcomes } from './outcome.ts';
import {
  deadParty,
  goneParty,
  markAt,
  type Owned,
  ownedFrom,
  type Party,
  positionOf,
  restarted,
  type Shadowing,
  type WorkerId,
} from './world.ts';

const LONG_MS = 1e9;

export const involves = (lease: Lease, id: WorkerId): boolean => lease.handover?.source === id || lease.handover?.target === id;
const concerns = (lease: Lease, id: WorkerId): boolean =>
  lease.owner === id || lease.shadow?.workerId === id || involves(lease, id);
const holderOf = (id: WorkerId, owned: Owned) => ({ workerId: id, epoch: owned.epoch });
const isFlawedAt = ({ flawedAt }: Shadowing, position: number) => flawedAt > 0 && position >= flawedAt;
const proofAt = (shadow: Shadowing | null, at: string) =>
  shadow !== null && shadow.tip >= Number(at) ? markAt(Number(at), isFlawedAt(shadow, Number(at))) : null;

/** As handover-agent.ts has it. */
const isCaughtUp = (lease: Lease, shadow: Shadowing | null): boolean => {
  if (shadow === null || lease.mark === undefined || lease.shadow?.state !== 'tracking') return false;
  const marked = Number(lease.mark.sequenceNumber);
  return shadow.tip >= marked && !isFlawedAt(shadow, marked);
};

/** What a worker is once it has looked at a lease: what does not concern it is forgotten, its shadow starts and stops. */
export const looking = (party: Party, id: WorkerId, lease: Lease): Party => {
  const told = party.told !== null && party.told === lease.handover?.taskToken ? party.told : null;
  const isInHandover = involves(lease, id);
  const isPreparing = lease.handover?.phase === 'preparing' && party.shadow !== null;
  let { owned, shadow } = party;
  if (owned !== null && !isInHandover && (lease.shadow === undefined || lease.shadow.state === 'diverged'))
    owned = owned.chain ? { ...owned, chain: false } : owned;
  if (owned === null && (!isInHandover || isPreparing)) {
    const wanted = lease.shadow;
    const isOurs =
      wanted?.workerId === id && wanted.from !== undefined && (wanted.state === 'opened' || wanted.state === 'tracking');
    if (!isOurs) shadow = null;
    else shadow ??= { tip: Number(wanted?.from ?? 0), flawedAt: 0 };
  }
  const isIdle = owned === null && !concerns(lease, id);
  return { ...party, told, owned, shadow: isIdle ? null : shadow, seen: isIdle ? null : lease };
};

/** Takes a shard up after what its lease says. */
const takingUp = (party: Party, lease: Lease, { rules, scenario }: View): Party => {
  const position = rules.beginsAt(lease, scenario.records, party.shadow?.tip ?? null);
  return { ...party, owned: ownedFrom(lease.epoch, position), shadow: null, taking: null };
};

/** Its own moves in handovers, with the clocks as late as they may be. */
const handoverSteps = (party: Party, id: WorkerId, view: View): Outcome[] => {
  const found = new Map<string, Outcome>();
  for (const phaseForMs of [0, LONG_MS])
    for (const pausedForMs of [0, LONG_MS])
      for (const outcome of actOnce(party, id, view, phaseForMs, pausedForMs)) found.set(outcome.name, outcome);
  return [...found.values()];
};

const actOnce = (party: Party, id: WorkerId, view: View, phaseForMs: number, pausedForMs: number): Outcome[] => {
  const { seen, owned, shadow } = party;
  if (seen === null) return [];
  const { rules } = view;
  const asSource: Effect[] =
    owned === null
      ? rules.decideRetired(seen, id)
      : rules.decideSource(
          seen,
          {
            workerId: id,
            epoch: owned.epoch,
            dispatch: !owned.paused ? 'running' : owned.inFlight ? 'pausing' : 'drained',
            position: owned.chain ? markAt(owned.position) : null,
            published: { checkpoint: String(owned.position) },
            pausedForMs: owned.paused ? pausedForMs : 0,
            phaseForMs,
            stoppedDispatchingAtMs: 0,
          },
          0,
        );
  const caughtUp = isCaughtUp(seen, shadow);
  const asTarget = rules.decideTarget(
    seen,
    { workerId: id, caughtUp, markAt: (at) => proofAt(shadow, at), dispatching: owned !== null && owned.epoch === seen.epoch },
    0,
  );
  for (const effect of [...asSource, ...asTarget, ...rules.decideDriver(seen, { workerId: id, caughtUp, phaseForMs })]) {
    const outcomes = carryOut(effect, party, id, view);
    if (outcomes !== null) return outcomes;
  }
  return [];
};

/** null: it changes nothing, the next effect follows. */
const carryOut = (effect: Effect, party: Party, id: WorkerId, view: View): Outcome[] | null => {
  const { seen, owned } = party;
  const own = (name: string, next: Partial<Party>): Outcome[] => [
    { name: `${id} ${name}`, kind: 'progress', party: { ...party, ...next } },
  ];
  switch (effect.kind) {
    case 'write':
      return writeOutcomes(view, effect.write, { name: `${id} ${effect.write.name}`, kind: 'progress' }, (_landing, lease) => ({
        party: looking(party, id, lease),
      }));
    case 'answer':
      if (party.told === effect.taskToken || view.wanted !== effect.taskToken) return null;
      return own('answers', { told: effect.taskToken }).map((outcome) => ({ ...outcome, answers: true }));
    case 'pause':
      return owned === null || owned.paused ? null : own('pauses', { owned: { ...owned, paused: true } });
    case 'resume':
      if (owned === null || (!owned.paused && owned.epoch === effect.epoch)) return null;
      return own('resumes', { owned: { ...owned, paused: false, epoch: effect.epoch } });
    case 'retire':
      return owned === null || seen === null
        ? null
        : [{ name: `${id} retires`, kind: 'progress', party: looking({ ...party, owned: null }, id, seen) }];
    case 'take-up':
      return seen === null ? null : [{ name: `${id} takes up`, kind: 'progress', party: takingUp(party, seen, view) }];
    case 'catch-up':
      return null;
  }
};

/** What an owner does with its shard. */
const ownerSteps = (party: Party, owned: Owned, id: WorkerId, view: View): Outcome[] => {
  const { scenario, rules, lease } = view;
  const steps: Outcome[] = [];
  const own = (name: string, next: Owned, more: Partial<Outcome> = {}) =>
    steps.push({ name: `${id} ${name}`, kind: 'progress', party: { ...party, owned: next }, ...more });
  const mayBegin = !owned.paused && !owned.inFlight && rules.mayDispatch(party, id);
  if (mayBegin && owned.position < scenario.records)
    own('dispatches', { ...owned, inFlight: true }, { dispatched: { record: owned.position + 1, epoch: owned.epoch } });
  if (owned.inFlight) own('finishes', { ...owned, inFlight: false, position: owned.position + 1 });
  const isThrough = scenario.ends && owned.position === scenario.records;
  if (mayBegin && isThrough && !owned.toEnd && rules.writesEnd) own('is through', { ...owned, toEnd: true });
  if (owned.toEnd)
    steps.push(
      ...writeOutcomes(
        view,
        endShard(holderOf(id, owned), 0),
        { name: `${id} endShard`, kind: 'progress' },
        (_landing, after) => ({
          party: looking({ ...party, owned: null }, id, after),
        }),
      ),
    );
  const isPublished = positionOf(lease, scenario.records) === owned.position;
  const isOurs = lease.owner === id && lease.state === 'active' && !isPublished;
  if (party.stopping !== 'leaving' && (isOurs || view.may.has('message'))) {
    const write = checkpoint(
      holderOf(id, owned),
      String(owned.position),
      undefined,
      owned.chain ? markAt(owned.position) : undefined,
      0,
    );
    // One that is refused is a look at the lease, which is a step of its own.
    const outcomes = writeOutcomes(view, write, { name: `${id} checkpoint`, kind: 'progress' }, (_landing, after) => ({
      party: looking(party, id, after),
    }));
    steps.push(
      ...outcomes.filter(
        (outcome) => (outcome.landed !== undefined && isOurs) || (outcome.delayed !== undefined && !isPublished),
      ),
    );
  }
  return steps;
};

/** Keeps chain and shadow, outside of handovers. */
const shadowSteps = (party: Party, id: WorkerId, view: View): Outcome[] => {
  const { scenario, rules } = view;
  const { seen, owned, shadow } = party;
  const steps: Outcome[] = [];
  const write = (name: string, made: Parameters<typeof writeOutcomes>[1], next: Party = party, spends?: ['begin']) =>
    steps.push(
      ...writeOutcomes(
        view,
        made,
        { name: `${id} ${name}`, kind: spends === undefined ? 'progress' : 'choice', ...(spends && { spends }) },
        (landing, lease) => ({
          party: looking(landing === 'written' ? next : party, id, lease),
        }),
      ),
    );
  if (shadow !== null && shadow.tip < scenario.records) {
    steps.push({ name: `${id} reads ahead`, kind: 'progress', party: { ...party, shadow: { ...shadow, tip: shadow.tip + 1 } } });
    if (view.may.has('flaw'))
      steps.push({
        name: `${id} reads another record than the owner`,
        kind: 'fault',
        spends: ['flaw'],
        party: { ...party, shadow: { tip: shadow.tip + 1, flawedAt: shadow.tip + 1 } },
      });
  }
  if (
    scenario.again &&
    view.may.has('begin') &&
    view.lease.shadow === undefined &&
    owned === null &&
    view.lease.owner !== undefined
  )
    if (view.lease.owner !== id && view.lease.state === 'active')
      for (const outcome of writeOutcomes(
        view,
        rules.requestShadow(view.lease.owner, id, 'handover', 0),
        { name: `${id} requestShadow`, kind: 'choice' },
        (_landing, lease) => ({ party: looking(party, id, lease) }),
      ))
        steps.push(outcome);
  if (seen === null || involves(seen, id)) return steps;
  const isOwner = owned !== null && seen.owner === id && seen.epoch === owned.epoch && seen.state === 'active';
  if (isOwner && seen.shadow?.state === 'requested') {
    const at = markAt(owned.position);
    write('openChain', openChain(holderOf(id, owned), seen.shadow.workerId, at.sequenceNumber, at), {
      ...party,
      owned: { ...owned, chain: true },
    });
  }
  if (shadow === null || seen.shadow?.from === undefined) return steps;
  const { from, state } = seen.shadow;
  const proof = seen.mark === undefined ? null : proofAt(shadow, seen.mark.sequenceNumber);
  if (seen.mark !== undefined && proof !== null && compareCheckpoints(seen.mark.sequenceNumber, from) >= 0) {
    const isSame = proof.digest === seen.mark.digest;
    if (!isSame && state !== 'diverged') write('reportDivergence', reportDivergence(id, from, seen.mark, proof));
    if (isSame && state === 'opened')
      write(
        'verifyShadow',
        verifyShadow(id, from, { verifiedThrough: proof, bufferedRecords: 0, bufferedBytes: 0, lagMs: 0 }, 0),
      );
  }
  if (
    view.may.has('begin') &&
    isCaughtUp(seen, shadow) &&
    seen.owner !== undefined &&
    seen.owner !== id &&
    seen.handover === undefined
  ) {
    const input = { handoverId: `pull-${seen.epoch}`, source: seen.owner, target: id, epoch: seen.epoch, requestedAtMs: 0 };
    write('begins the handover', drivenWrite('prepare', input), party, ['begin']);
  }
  return steps;
};

/** Takes leases: its own that it does not run, and those of nobody and of workers that are gone. */
const takingSteps = (party: Party, id: WorkerId, view: View): Outcome[] => {
  const { rules, lease, scenario } = view;
  const { seen, taking } = party;
  const take = (from: Lease, name: string): Outcome[] =>
    writeOutcomes(
      view,
      from.owner === undefined ? claim(from, id) : takeOver(from, id),
      { name: `${id} ${name}`, kind: 'progress' },
      (landing, after) => ({
        party: looking(landing === 'written' ? takingUp(party, after, view) : { ...party, taking: null }, id, after),
      }),
    );
  if (taking !== null) return take(taking, 'takes over');
  const steps: Outcome[] = [];
  if (seen !== null && !involves(seen, id) && party.owned === null && seen.owner === id && seen.state === 'active')
    steps.push(
      ...(rules.adoptsByWriting
        ? take(seen, 'adopts')
        : [{ name: `${id} adopts`, kind: 'progress', party: takingUp(party, seen, view) } as const]),
    );
  const isTakeable =
    lease.state !== 'ended' && lease.owner !== id && (lease.owner === undefined || view.expired.has(lease.owner as WorkerId));
  if (!isTakeable || party.right === 'lapsed') return steps;
  if (scenario.slowTakeovers && lease.owner !== undefined)
    steps.push({ name: `${id} decides to take over`, kind: 'progress', party: { ...party, taking: lease } });
  else steps.push(...take(lease, 'takes over'));
  return steps;
};

/** A worker that stops: a handover where a shadow stands, then the last checkpoint, then the next owner's name. */
const stoppingSteps = (party: Party, id: WorkerId, view: View): Outcome[] => {
  const { seen, owned, stopping } = party;
  const leave: Outcome = { name: `${id} has left`, kind: 'choice', party: goneParty };
  if (owned === null) return [{ ...leave, kind: 'progress' }];
  if (stopping === 'handing-over') {
    const steps: Outcome[] = [
      {
        name: `${id} waits no longer`,
        kind: 'progress',
        party: { ...party, stopping: 'leaving', owned: { ...owned, paused: true } },
      },
    ];
    const heir = seen?.shadow?.workerId as WorkerId | undefined;
    if (seen?.owner !== id || seen.shadow?.state !== 'tracking' || heir === undefined || !view.heirs.includes(heir)) return steps;
    if (seen.handover !== undefined) return steps;
    const input = { handoverId: `stop-${seen.epoch}`, source: id, target: heir, epoch: seen.epoch, requestedAtMs: 0 };
    const begin = writeOutcomes(
      view,
      drivenWrite('prepare', input),
      { name: `${id} begins the handover`, kind: 'choice' },
      (_landing, lease) => ({
        party: looking(party, id, lease),
      }),
    );
    return [...steps, ...begin];
  }
  if (owned.inFlight) return [leave];
  const holder = holderOf(id, owned);
  if (stopping === 'leaving') {
    const write = checkpoint(holder, String(owned.position), undefined, owned.chain ? markAt(owned.position) : undefined, 0);
    return [
      leave,
      ...writeOutcomes(view, write, { name: `${id} checkpoint at last`, kind: 'progress' }, () => ({
        party: { ...party, stopping: 'checkpointed' },
      })),
    ];
  }
  const given = (landing: 'written' | 'fenced') => ({
    party: landing === 'written' || stopping === 'refused' ? goneParty : { ...party, stopping: 'refused' as const },
  });
  if (stopping === 'refused' || view.heirs.length === 0 || seen === null)
    return [
      leave,
      ...writeOutcomes(view, giveBack(holder), { name: `${id} giveBack`, kind: 'progress' }, () => ({ party: goneParty })),
    ];
  return [
    leave,
    ...view.heirs.flatMap((heir) =>
      writeOutcomes(view, handOn(holder, seen, heir), { name: `${id} handOn to ${heir}`, kind: 'progress' }, given),
    ),
  ];
};

/** Reading, and coming and going. */
const lifeSteps = (party: Party, id: WorkerId, view: View): Outcome[] => {
  const { rules, lease } = view;
  const steps: Outcome[] = [];
  const add = (name: string, kind: Outcome['kind'], next: Party, spends?: Outcome['spends']) =>
    steps.push({ name: `${id} ${name}`, kind, party: next, ...(spends && { spends }) });
  const isAsListed =
    party.owned === null || lease.epoch < party.owned.epoch || (lease.owner === id && lease.epoch === party.owned.epoch);
  const regains = party.right === 'unconfirmed' && isAsListed && (rules.regainsBy === 'reading' || party.owned === null);
  const isNews = party.seen === null ? concerns(lease, id) : party.seen !== lease;
  if (isNews || regains) add('reads', 'progress', looking(regains ? { ...party, right: 'held' } : party, id, lease));
  if (party.right === 'unconfirmed' && rules.regainsBy === 'writing' && party.owned !== null && isAsListed) {
    const { owned } = party;
    const anew = (landing: 'written' | 'fenced', after: Lease): Party =>
      landing === 'written'
        ? { ...party, right: 'held', owned: { ...owned, epoch: after.epoch, paused: false, chain: false } }
        : party;
    steps.push(
      ...writeOutcomes(view, takeOver(lease, id), { name: `${id} takes its lease anew`, kind: 'progress' }, (landing, after) => ({
        party: looking(anew(landing, after), id, after),
      })),
    );
  }
  if (party.right === 'lapsed') add("'s heartbeats arrive again", 'return', { ...party, right: rules.rightAfterBeats });
  if (view.may.has('lapse') && party.right === 'held') {
    add("'s heartbeats do not arrive", 'fault', { ...party, right: 'lapsed' }, ['lapse']);
    add('is paused by its host', 'fault', { ...party, right: 'lapsed', life: 'stalled' }, ['lapse']);
  }
  if (view.may.has('stop') && party.stopping === 'no')
    add('begins to stop', 'choice', { ...party, taking: null, stopping: 'handing-over' }, ['stop']);
  if (view.may.has('crash')) add('crashes', 'fault', deadParty, ['crash']);
  return steps;
};

/** Every step that a worker can make now. */
export const workerSteps = (party: Party, id: WorkerId, view: View): Outcome[] => {
  if (party.life === 'gone') return [];
  if (party.life === 'dead') return [{ name: `${id} starts again`, kind: 'return', party: looking(restarted, id, view.lease) }];
  if (party.life === 'stalled') return [{ name: `${id} is woken`, kind: 'return', party: { ...party, life: 'up' } }];
  const acts = party.stopping === 'no' || party.stopping === 'handing-over';
  return [
    ...lifeSteps(party, id, view),
    ...(acts ? handoverSteps(party, id, view) : []),
    ...(party.owned === null ? [] : ownerSteps(party, party.owned, id, view)),
    ...(acts ? shadowSteps(party, id, view) : []),
    ...(party.stopping === 'no' ? takingSteps(party, id, view) : stoppingSteps(party, id, view)),
  ];
};
