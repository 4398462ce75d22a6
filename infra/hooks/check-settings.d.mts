/** A deployment of `data/models.json`. */
interface ModelDeployment {
  readonly name: string;
  readonly model: string;
  readonly version: string;
  readonly retires: string;
  readonly type: string;
  readonly capacity: number;
  readonly spillover: string;
  readonly regions: string;
}
export interface Models {
  readonly deployments: readonly ModelDeployment[];
  readonly provisioned: readonly ModelDeployment[];
}

export function checkSettings(settings: Readonly<Record<string, string | undefined>>, models: Models): string[];
export function retiring(models: Models, today: number): string[];
