import { createServer, type Server } from 'node:http';

/** Takes telemetry as a collector does, and only counts its bytes: `GET /` says how many came. */
export function createCollector(): Server {
  let bytes = 0;
  return createServer((request, response) => {
    if (request.method === 'GET') {
      response.end(String(bytes));
      return;
    }
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.once('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  });
}
