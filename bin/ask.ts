// bin/ask: one question to the deployed API, and its answer on the terminal.
// in: the connection's options, a route · out: the answer's body, or one line on stderr and an exit code
import { apiClient } from '../console/api-client.ts';

/** The options that every command of the API has. */
export interface Connection {
  readonly api: string;
  readonly application: string;
  readonly stream: string;
  readonly json?: true;
}

/** One line, exit code 2: the command line was wrong. */
export const refuse = (message: string): void => {
  process.stderr.write(`${message}\n`);
  process.exitCode = 2;
};

/** The answer's body; null after an error, which is on stderr then (exit code 2 for what the API refuses as wrong, 1 for the rest). */
export const asked = async <T>(
  given: Connection,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  more: { query?: Record<string, string>; body?: unknown } = {},
): Promise<T | null> => {
  if (!URL.canParse(given.api)) {
    refuse(`--api must be a URL, got ${given.api}`);
    return null;
  }
  const client = apiClient({ url: given.api, application: given.application, streamName: given.stream });
  try {
    const { status, body } = await client(method, path, more.query, more.body);
    let parsed: { message?: string } | null = null;
    try {
      parsed = JSON.parse(body);
    } catch {
      // Said below, with the status.
    }
    if (status < 300 && parsed !== null) return parsed as T;
    process.stderr.write(`${method} ${path}: ${status} ${parsed?.message ?? body.slice(0, 200)}\n`);
    process.exitCode = status === 400 ? 2 : 1;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
  return null;
};

/** Prints an answer as JSON or as text. */
export const print = <T>(given: Connection, body: T | null, text: (body: T) => string): void => {
  if (body !== null) process.stdout.write(`${given.json === true ? JSON.stringify(body) : text(body)}\n`);
};
