// `--import` of a gateway that is a process of its own.
import { leadAzureHere } from './azure-names.ts';

leadAzureHere();
