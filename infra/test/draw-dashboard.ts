// Writes docs/azure/dashboard.svg: the tiles of core/monitor/dashboard.bicep, drawn from its own queries over sample data.
//   node infra/test/draw-dashboard.ts
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { dashboardPicture } from './support/dashboard-picture.ts';
import { repositoryRoot } from './support/snapshot.ts';

writeFileSync(path.join(repositoryRoot, 'docs/azure/dashboard.svg'), dashboardPicture());
