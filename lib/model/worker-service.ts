// lib/model: the nouns. The service that runs the workers, as a scheduler of containers knows it.
import { z } from 'zod';

const Name = z.string().regex(/^[A-Za-z0-9_-]{1,255}$/, 'must be 1 to 255 of a-z A-Z 0-9 _ -');

/** Where it is, and how far and how often its size may be changed. */
export const WorkerService = z.strictObject({
  cluster: Name,
  service: Name,
  minWorkers: z.number().int().min(1),
  maxWorkers: z.number().int().min(1),
  /** Seconds between two changes; one worker fewer only after so many without a change. */
  growCooldownSec: z.number().min(0).default(120),
  shrinkCooldownSec: z.number().min(0).default(900),
});
export type WorkerService = z.output<typeof WorkerService>;

/** How a service stands. `denied`: it is not there, or this deployment may not look at it; Penumbra then leaves it alone. */
export const ServiceState = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('known'), desiredCount: z.number().int().min(0), runningCount: z.number().int().min(0) }),
  z.object({ kind: z.literal('denied'), detail: z.string() }),
]);
export type ServiceState = z.output<typeof ServiceState>;

/** A change of the desired count, with its reason. */
export const WorkerCountChange = z.object({ from: z.number().int(), to: z.number().int(), reason: z.string() });
export type WorkerCountChange = z.output<typeof WorkerCountChange>;
