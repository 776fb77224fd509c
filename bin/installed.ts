#!/usr/bin/env node
// bin/installed: the command line, from an installed package.
// in: words · out: tables or JSON on stdout, one clear line on stderr and exit 2 for what cannot be understood
import { refuse } from './ask.ts';
import { runCommandLine } from './command-line.ts';

await runCommandLine((program) =>
  program
    .command('demo')
    .description('the whole loop on this machine (from a clone of the repository: npm start)')
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => refuse('the demonstration needs the sources: clone the repository and run npm start')),
);
