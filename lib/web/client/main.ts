/* What pages do beyond links and forms. */
import { Idiomorph } from 'idiomorph';

void Idiomorph;
