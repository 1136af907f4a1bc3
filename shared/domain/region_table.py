"""The countries of ISO 3166-1 with what a search there is asked with."""

#: Per line: alpha-2 code, ISO numeric code, interface language, ending of Google's domain, name of the
#: country as Google's location list writes it.
#:
#: Language: the main written one of the country; English where it is official and usual in business.
#: Domain: google.com where Google has none of that country. China has google.cn, which only sends its
#: visitors on to google.com.hk.
COUNTRIES = """\
AD 020 ca ad Andorra
AE 784 ar ae United Arab Emirates
AF 004 fa com.af Afghanistan
AG 028 en com.ag Antigua and Barbuda
AI 660 en com Anguilla
AL 008 sq al Albania
AM 051 hy am Armenia
AO 024 pt co.ao Angola
AQ 010 en com Antarctica
AR 032 es com.ar Argentina
AS 016 en as American Samoa
AT 040 de at Austria
AU 036 en com.au Australia
AW 533 nl com Aruba
AX 248 sv com Aland Islands
AZ 031 az az Azerbaijan
BA 070 bs ba Bosnia and Herzegovina
BB 052 en com Barbados
BD 050 bn com.bd Bangladesh
BE 056 nl be Belgium
BF 854 fr bf Burkina Faso
BG 100 bg bg Bulgaria
BH 048 ar com.bh Bahrain
BI 108 fr bi Burundi
BJ 204 fr bj Benin
BL 652 fr com Saint Barthelemy
BM 060 en com Bermuda
BN 096 ms com.bn Brunei
BO 068 es com.bo Bolivia
BQ 535 nl com Caribbean Netherlands
BR 076 pt com.br Brazil
BS 044 en bs The Bahamas
BT 064 dz bt Bhutan
BV 074 en com Bouvet Island
BW 072 en co.bw Botswana
BY 112 ru by Belarus
BZ 084 en com.bz Belize
CA 124 en ca Canada
CC 166 en com Cocos (Keeling) Islands
CD 180 fr cd Democratic Republic of the Congo
CF 140 fr cf Central African Republic
CG 178 fr cg Republic of the Congo
CH 756 de ch Switzerland
CI 384 fr ci Cote d'Ivoire
CK 184 en co.ck Cook Islands
CL 152 es cl Chile
CM 120 fr cm Cameroon
CN 156 zh-CN com.hk China
CO 170 es com.co Colombia
CR 188 es co.cr Costa Rica
CU 192 es com.cu Cuba
CV 132 pt cv Cabo Verde
CW 531 nl com Curacao
CX 162 en com Christmas Island
CY 196 el com.cy Cyprus
CZ 203 cs cz Czechia
DE 276 de de Germany
DJ 262 fr dj Djibouti
DK 208 da dk Denmark
DM 212 en dm Dominica
DO 214 es com.do Dominican Republic
DZ 012 ar dz Algeria
EC 218 es com.ec Ecuador
EE 233 et ee Estonia
EG 818 ar com.eg Egypt
EH 732 ar com Western Sahara
ER 232 ti com Eritrea
ES 724 es es Spain
ET 231 am com.et Ethiopia
FI 246 fi fi Finland
FJ 242 en com.fj Fiji
FK 238 en com Falkland Islands (Islas Malvinas)
FM 583 en fm Micronesia
FO 234 fo com Faroe Islands
FR 250 fr fr France
GA 266 fr ga Gabon
GB 826 en co.uk United Kingdom
GD 308 en com Grenada
GE 268 ka ge Georgia
GF 254 fr com French Guiana
GG 831 en gg Guernsey
GH 288 en com.gh Ghana
GI 292 en com.gi Gibraltar
GL 304 kl gl Greenland
GM 270 en gm The Gambia
GN 324 fr com Guinea
GP 312 fr com Guadeloupe
GQ 226 es com Equatorial Guinea
GR 300 el gr Greece
GS 239 en com South Georgia and the South Sandwich Islands
GT 320 es com.gt Guatemala
GU 316 en com Guam
GW 624 pt com Guinea-Bissau
GY 328 en gy Guyana
HK 344 zh-TW com.hk Hong Kong
HM 334 en com Heard Island and McDonald Islands
HN 340 es hn Honduras
HR 191 hr hr Croatia
HT 332 fr ht Haiti
HU 348 hu hu Hungary
ID 360 id co.id Indonesia
IE 372 en ie Ireland
IL 376 iw co.il Israel
IM 833 en im Isle of Man
IN 356 en co.in India
IO 086 en com British Indian Ocean Territory
IQ 368 ar iq Iraq
IR 364 fa com Iran
IS 352 is is Iceland
IT 380 it it Italy
JE 832 en je Jersey
JM 388 en com.jm Jamaica
JO 400 ar jo Jordan
JP 392 ja co.jp Japan
KE 404 en co.ke Kenya
KG 417 ru kg Kyrgyzstan
KH 116 km com.kh Cambodia
KI 296 en ki Kiribati
KM 174 fr com Comoros
KN 659 en com Saint Kitts and Nevis
KP 408 ko com North Korea
KR 410 ko co.kr South Korea
KW 414 ar com.kw Kuwait
KY 136 en com Cayman Islands
KZ 398 ru kz Kazakhstan
LA 418 lo la Laos
LB 422 ar com.lb Lebanon
LC 662 en com Saint Lucia
LI 438 de li Liechtenstein
LK 144 si lk Sri Lanka
LR 430 en com Liberia
LS 426 en co.ls Lesotho
LT 440 lt lt Lithuania
LU 442 fr lu Luxembourg
LV 428 lv lv Latvia
LY 434 ar com.ly Libya
MA 504 ar co.ma Morocco
MC 492 fr com Monaco
MD 498 ro md Moldova
ME 499 sr me Montenegro
MF 663 fr com Saint Martin
MG 450 fr mg Madagascar
MH 584 en com Marshall Islands
MK 807 mk mk North Macedonia
ML 466 fr ml Mali
MM 104 my com.mm Myanmar (Burma)
MN 496 mn mn Mongolia
MO 446 zh-TW com Macao
MP 580 en com Northern Mariana Islands
MQ 474 fr com Martinique
MR 478 ar com Mauritania
MS 500 en com Montserrat
MT 470 en com.mt Malta
MU 480 en mu Mauritius
MV 462 dv mv Maldives
MW 454 en mw Malawi
MX 484 es com.mx Mexico
MY 458 ms com.my Malaysia
MZ 508 pt co.mz Mozambique
NA 516 en com.na Namibia
NC 540 fr com New Caledonia
NE 562 fr ne Niger
NF 574 en com Norfolk Island
NG 566 en com.ng Nigeria
NI 558 es com.ni Nicaragua
NL 528 nl nl Netherlands
NO 578 no no Norway
NP 524 ne com.np Nepal
NR 520 en nr Nauru
NU 570 en nu Niue
NZ 554 en co.nz New Zealand
OM 512 ar com.om Oman
PA 591 es com.pa Panama
PE 604 es com.pe Peru
PF 258 fr com French Polynesia
PG 598 en com.pg Papua New Guinea
PH 608 en com.ph Philippines
PK 586 en com.pk Pakistan
PL 616 pl pl Poland
PM 666 fr com Saint Pierre and Miquelon
PN 612 en pn Pitcairn Islands
PR 630 es com.pr Puerto Rico
PS 275 ar ps Palestine
PT 620 pt pt Portugal
PW 585 en com Palau
PY 600 es com.py Paraguay
QA 634 ar com.qa Qatar
RE 638 fr com Reunion
RO 642 ro ro Romania
RS 688 sr rs Serbia
RU 643 ru ru Russia
RW 646 en rw Rwanda
SA 682 ar com.sa Saudi Arabia
SB 090 en com.sb Solomon Islands
SC 690 en sc Seychelles
SD 729 ar com Sudan
SE 752 sv se Sweden
SG 702 en com.sg Singapore
SH 654 en sh Saint Helena, Ascension and Tristan da Cunha
SI 705 sl si Slovenia
SJ 744 no com Svalbard and Jan Mayen
SK 703 sk sk Slovakia
SL 694 en com.sl Sierra Leone
SM 674 it sm San Marino
SN 686 fr sn Senegal
SO 706 so so Somalia
SR 740 nl sr Suriname
SS 728 en com South Sudan
ST 678 pt st Sao Tome and Principe
SV 222 es com.sv El Salvador
SX 534 nl com Sint Maarten
SY 760 ar com Syria
SZ 748 en com Eswatini
TC 796 en com Turks and Caicos Islands
TD 148 fr td Chad
TF 260 fr com French Southern and Antarctic Lands
TG 768 fr tg Togo
TH 764 th co.th Thailand
TJ 762 tg com.tj Tajikistan
TK 772 en com Tokelau
TL 626 pt tl Timor-Leste
TM 795 tk tm Turkmenistan
TN 788 ar tn Tunisia
TO 776 en to Tonga
TR 792 tr com.tr Turkiye
TT 780 en tt Trinidad and Tobago
TV 798 en com Tuvalu
TW 158 zh-TW com.tw Taiwan
TZ 834 sw co.tz Tanzania
UA 804 uk com.ua Ukraine
UG 800 en co.ug Uganda
UM 581 en com United States Minor Outlying Islands
US 840 en com United States
UY 858 es com.uy Uruguay
UZ 860 uz co.uz Uzbekistan
VA 336 it com Vatican City
VC 670 en com.vc Saint Vincent and the Grenadines
VE 862 es co.ve Venezuela
VG 092 en com British Virgin Islands
VI 850 en co.vi U.S. Virgin Islands
VN 704 vi com.vn Vietnam
VU 548 en vu Vanuatu
WF 876 fr com Wallis and Futuna
WS 882 en ws Samoa
YE 887 ar com Yemen
YT 175 fr com Mayotte
ZA 710 en co.za South Africa
ZM 894 en co.zm Zambia
ZW 716 en co.zw Zimbabwe
"""

#: Google Ads language constants by interface language. All that Google Ads can target; other languages
#: have none.
LANGUAGE_CONSTANTS = {
    "en": 1000,
    "de": 1001,
    "fr": 1002,
    "es": 1003,
    "it": 1004,
    "ja": 1005,
    "da": 1009,
    "nl": 1010,
    "fi": 1011,
    "ko": 1012,
    "no": 1013,
    "pt": 1014,
    "sv": 1015,
    "zh-CN": 1017,
    "zh-TW": 1018,
    "ar": 1019,
    "bg": 1020,
    "cs": 1021,
    "el": 1022,
    "hi": 1023,
    "hu": 1024,
    "id": 1025,
    "is": 1026,
    "iw": 1027,
    "lv": 1028,
    "lt": 1029,
    "pl": 1030,
    "ru": 1031,
    "ro": 1032,
    "sk": 1033,
    "sl": 1034,
    "sr": 1035,
    "uk": 1036,
    "tr": 1037,
    "ca": 1038,
    "hr": 1039,
    "vi": 1040,
    "ur": 1041,
    "tl": 1042,
    "et": 1043,
    "th": 1044,
    "bn": 1056,
    "fa": 1064,
    "gu": 1072,
    "kn": 1086,
    "ml": 1098,
    "mr": 1101,
    "ms": 1102,
    "pa": 1110,
    "ta": 1130,
    "te": 1131,
}
