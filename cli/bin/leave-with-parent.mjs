// Loaded (`node --import`) into what `tollgate start` starts. The children have their own process group, so that Ctrl-C
// reaches only the supervisor, which stops them in order. Should the supervisor itself be killed, nobody would stop
// them: the pipe that is their standard input then ends, and they leave as if they had been asked to.
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM'));
  process.stdin.on('error', () => process.kill(process.pid, 'SIGTERM'));
  process.stdin.resume();
  process.stdin.unref?.();
}
