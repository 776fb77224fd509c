// orders-consumer: the container's health check; the slim image has no curl.
// in: HEALTH_PORT · out: exit code 0 or 1
const answer = await fetch(`http://127.0.0.1:${process.env.HEALTH_PORT ?? '8080'}/health`, {
  signal: AbortSignal.timeout(4_000),
}).catch(() => null);
process.exitCode = answer?.ok === true ? 0 : 1;
