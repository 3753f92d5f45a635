import { Module } from '@medusajs/framework/utils';
import NightshiftService from './service';

export const NIGHTSHIFT = 'nightshift';

export default Module(NIGHTSHIFT, { service: NightshiftService });
