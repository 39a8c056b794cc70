import { fill, type Language, type Values } from "../i18n";

/** What only the details say. They travel with the details, so that the first screen does not carry them. */
const en = {
  "row.delegation": "Who is responsible for this address",
  "row.provider": "Who looks after its settings",
  "row.records": "What stands there now",
  "row.certificate": "Whether it can be made secure",
  "row.method": "The best way for you",
  steps: "{done} of {all} steps done",
  "eta.all": "Everyone will see it {time}.",
  "eta.one": "{who} will see it {time}.",
  "severity.BLOCKING": "Has to be mended",
  "severity.WARNING": "Worth a look",
  "severity.INFO": "Good to know",
  "who.CUSTOMER": "You can mend this.",
  "takes.MOMENTS": "We see it as soon as it is done.",
  "takes.MINUTES": "Usually gone a few minutes after you save it.",
  "takes.HOURS": "This can take hours, up to a day.",
  "takes.DAYS": "This can take days: somebody else has to act first.",
  "takes.BY_ITSELF": "It goes away by itself; we keep trying.",
  "raw.empty": "no such record",
  "raw.aa": "from its own zone",
  "raw.at": "asked {time}",
  "beside.offer": "People type this address too. Take it along, and it leads to {host}.",
  "beside.take": "Add {host} as well",
  "beside.add": "Add these records too, and this address leads to {host}.",
  "beside.on": "This address leads to {host}.",
  csv: "Download as table",
  "way.delegate": "Or hand over {host} as a whole, by NS records",
  "way.single": "Back to single records",
  "way.delegated": "These records hand over {host} and everything below it. That is all.",
};

export type DetailKey = keyof typeof en;
export type DetailWords = Record<DetailKey, string>;

const de: DetailWords = {
  "row.delegation": "Wer für diese Adresse zuständig ist",
  "row.provider": "Wer ihre Einstellungen verwaltet",
  "row.records": "Was jetzt dort steht",
  "row.certificate": "Ob sie sicher gemacht werden kann",
  "row.method": "Der beste Weg für Sie",
  steps: "{done} von {all} Schritten erledigt",
  "eta.all": "Alle sehen es {time}.",
  "eta.one": "{who} sieht es {time}.",
  "severity.BLOCKING": "Muss behoben werden",
  "severity.WARNING": "Einen Blick wert",
  "severity.INFO": "Gut zu wissen",
  "who.CUSTOMER": "Das können Sie beheben.",
  "takes.MOMENTS": "Wir sehen es, sobald es getan ist.",
  "takes.MINUTES": "Meist wenige Minuten nach dem Speichern behoben.",
  "takes.HOURS": "Das kann Stunden dauern, bis zu einem Tag.",
  "takes.DAYS": "Das kann Tage dauern: Zuerst muss jemand anderes handeln.",
  "takes.BY_ITSELF": "Das vergeht von selbst; wir versuchen es weiter.",
  "raw.empty": "kein solcher Eintrag",
  "raw.aa": "aus der eigenen Zone",
  "raw.at": "gefragt {time}",
  "beside.offer": "Viele tippen auch diese Adresse. Nehmen Sie sie mit, dann führt sie zu {host}.",
  "beside.take": "{host} mitnehmen",
  "beside.add": "Legen Sie auch diese Einträge an, dann führt diese Adresse zu {host}.",
  "beside.on": "Diese Adresse führt zu {host}.",
  csv: "Als Tabelle herunterladen",
  "way.delegate": "Oder {host} als Ganzes übergeben, mit NS-Einträgen",
  "way.single": "Zurück zu einzelnen Einträgen",
  "way.delegated": "Diese Einträge übergeben {host} und alles darunter. Das ist alles.",
};

const fr: DetailWords = {
  "row.delegation": "Qui est responsable de cette adresse",
  "row.provider": "Qui gère ses réglages",
  "row.records": "Ce qui s’y trouve maintenant",
  "row.certificate": "Si elle peut être sécurisée",
  "row.method": "La meilleure façon pour vous",
  steps: "étapes terminées : {done} sur {all}",
  "eta.all": "Tout le monde le verra {time}.",
  "eta.one": "{who} le verra {time}.",
  "severity.BLOCKING": "À corriger",
  "severity.WARNING": "À regarder",
  "severity.INFO": "Bon à savoir",
  "who.CUSTOMER": "Vous pouvez le corriger.",
  "takes.MOMENTS": "Nous le voyons dès que c’est fait.",
  "takes.MINUTES": "Réglé en général quelques minutes après l’enregistrement.",
  "takes.HOURS": "Cela peut prendre des heures, jusqu’à un jour.",
  "takes.DAYS": "Cela peut prendre des jours : quelqu’un d’autre doit d’abord agir.",
  "takes.BY_ITSELF": "Cela disparaît de soi-même ; nous réessayons.",
  "raw.empty": "aucun enregistrement",
  "raw.aa": "de sa propre zone",
  "raw.at": "interrogé à {time}",
  "beside.offer": "Beaucoup tapent aussi cette adresse. Ajoutez-la, et elle mène à {host}.",
  "beside.take": "Ajouter aussi {host}",
  "beside.add": "Ajoutez aussi ces enregistrements, et cette adresse mène à {host}.",
  "beside.on": "Cette adresse mène à {host}.",
  csv: "Télécharger en tableau",
  "way.delegate": "Ou déléguer {host} en entier, par des enregistrements NS",
  "way.single": "Revenir aux enregistrements simples",
  "way.delegated": "Ces enregistrements délèguent {host} et tout ce qui est en dessous. C’est tout.",
};

const ar: DetailWords = {
  "row.delegation": "من المسؤول عن هذا العنوان",
  "row.provider": "من يدير إعداداته",
  "row.records": "ما يوجد هناك الآن",
  "row.certificate": "هل يمكن تأمينه",
  "row.method": "أفضل طريقة لك",
  steps: "أُنجزت {done} من {all} خطوات",
  "eta.all": "سيراه الجميع {time}.",
  "eta.one": "سيراه {who} {time}.",
  "severity.BLOCKING": "يجب إصلاحه",
  "severity.WARNING": "يستحق نظرة",
  "severity.INFO": "للعلم",
  "who.CUSTOMER": "يمكنك إصلاح ذلك.",
  "takes.MOMENTS": "نراه فور إنجازه.",
  "takes.MINUTES": "يزول عادة بعد دقائق من الحفظ.",
  "takes.HOURS": "قد يستغرق ذلك ساعات، حتى يوم.",
  "takes.DAYS": "قد يستغرق ذلك أيامًا: على شخص آخر أن يتصرف أولًا.",
  "takes.BY_ITSELF": "يزول من تلقاء نفسه، ونحن نواصل المحاولة.",
  "raw.empty": "لا سجل كهذا",
  "raw.aa": "من منطقته هو",
  "raw.at": "سُئل في {time}",
  "beside.offer": "يكتب كثيرون هذا العنوان أيضًا. أضفه معه لينقلهم إلى {host}.",
  "beside.take": "أضف {host} أيضًا",
  "beside.add": "أضف هذه السجلات أيضًا لينقل هذا العنوان زواره إلى {host}.",
  "beside.on": "ينقل هذا العنوان زواره إلى {host}.",
  csv: "تنزيل كجدول",
  "way.delegate": "أو سلّم {host} كاملًا بسجلات NS",
  "way.single": "العودة إلى سجلات منفردة",
  "way.delegated": "هذه السجلات تسلّم {host} وكل ما تحته. لا حاجة إلى غيرها.",
};

export const details: Record<string, DetailWords> = { en, de, fr, ar };

/** As translate() of the screens: region → base → English. */
export function tell({ locale }: Language, key: DetailKey, values: Values = {}): string {
  const words = details[locale] ?? details[locale.split("-")[0]!] ?? en;
  return fill(words[key], values, locale);
}

/** A name within a sentence of either direction. */
export const isolated = (name: string) => ({ host: `\u2066${name}\u2069` });
