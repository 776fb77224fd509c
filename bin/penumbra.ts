#!/usr/bin/env node
// bin/penumbra: the command line, from the sources.
// in: words · out: tables or JSON on stdout, one clear line on stderr and exit 2 for what cannot be understood
import { runCommandLine } from './command-line.ts';
import { addDemo } from './demo.ts';

await runCommandLine(addDemo);
