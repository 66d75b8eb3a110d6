"""Official counts of people, typed in: facts, each with its source. Used by `make_areas.py`."""

# Source: Statistics Bureau of Japan, 2020 Population Census (1 October 2020), population by prefecture, JIS order.
JAPAN_PEOPLE = (
    5_224_614, 1_237_984, 1_210_534, 2_301_996, 959_502, 1_068_027, 1_833_152, 2_867_009, 1_933_146, 1_939_110,
    7_344_765, 6_284_480, 14_047_594, 9_237_337, 2_201_272, 1_034_814, 1_132_526, 766_863, 809_974, 2_048_011,
    1_978_742, 3_633_202, 7_542_415, 1_770_254, 1_413_610, 2_578_087, 8_837_685, 5_465_002, 1_324_473, 922_584,
    553_407, 671_126, 1_888_432, 2_799_702, 1_342_059, 719_559, 950_244, 1_334_841, 691_527, 5_135_214,
    811_442, 1_312_317, 1_738_301, 1_123_852, 1_069_576, 1_588_256, 1_467_480,
)  # fmt: skip

# Municipalities that GeoNames has no or a wrong count of. Source: the same census.
JAPAN_TOWNS = {
    "JP-13108": 524_310,  # Koto
    "JP-13115": 591_108,  # Suginami
    "JP-13120": 752_608,  # Nerima
    "JP-13112": 943_664,  # Setagaya
    "JP-13381": 2_273,  # Miyake
    "JP-13382": 323,  # Mikurashima
    "JP-13402": 169,  # Aogashima
    "JP-13362": 327,  # Toshima
    "JP-17211": 48_523,  # Nomi
    "JP-19214": 31_216,  # Chuo
    "JP-26208": 56_859,  # Muko
    "JP-28217": 152_321,  # Kawanishi
    "JP-34211": 26_319,  # Otake
    "JP-39205": 25_732,  # Tosa
    "JP-13116": 301_599,  # Toshima, of the 23 wards
    "JP-11235": 111_859,  # Fujimi
    "JP-11241": 70_117,  # Tsurugashima
    "JP-27221": 68_775,  # Kashiwara
}

# Source: Geospatial Information Authority of Japan, areas of prefectures (Hokkaido with the islands that Russia
# administers, 5,003 km2 of it), km2.
JAPAN_AREA_KM2 = (
    83457.00, 9644.55, 15278.89, 7285.77, 11636.28, 9323.46, 13782.76, 6095.72, 6408.28, 6362.33, 3798.08, 5156.61,
    2188.67, 2415.86, 12583.83, 4247.61, 4185.67, 4189.88, 4465.37, 13562.23, 10621.17, 7780.50, 5165.12, 5777.31,
    4017.36, 4613.21, 1899.28, 8396.16, 3691.09, 4726.29, 3507.28, 6707.96, 7113.23, 8479.70, 6114.09, 4146.74,
    1876.55, 5678.33, 7105.16, 4978.51, 2439.65, 4105.47, 7404.79, 6339.74, 7735.99, 9188.82, 2276.49,
)  # fmt: skip

PEOPLE = {
    # Source: U.S. Census Bureau, 2020 Census, resident population (1 April 2020), Island Areas Censuses 2020.
    "US-AL": 5_024_279, "US-AK": 733_391, "US-AZ": 7_151_502, "US-AR": 3_011_524, "US-CA": 39_538_223,
    "US-CO": 5_773_714, "US-CT": 3_605_944, "US-DE": 989_948, "US-DC": 689_545, "US-FL": 21_538_187,
    "US-GA": 10_711_908, "US-HI": 1_455_271, "US-ID": 1_839_106, "US-IL": 12_812_508, "US-IN": 6_785_528,
    "US-IA": 3_190_369, "US-KS": 2_937_880, "US-KY": 4_505_836, "US-LA": 4_657_757, "US-ME": 1_362_359,
    "US-MD": 6_177_224, "US-MA": 7_029_917, "US-MI": 10_077_331, "US-MN": 5_706_494, "US-MS": 2_961_279,
    "US-MO": 6_154_913, "US-MT": 1_084_225, "US-NE": 1_961_504, "US-NV": 3_104_614, "US-NH": 1_377_529,
    "US-NJ": 9_288_994, "US-NM": 2_117_522, "US-NY": 20_201_249, "US-NC": 10_439_388, "US-ND": 779_094,
    "US-OH": 11_799_448, "US-OK": 3_959_353, "US-OR": 4_237_256, "US-PA": 13_002_700, "US-RI": 1_097_379,
    "US-SC": 5_118_425, "US-SD": 886_667, "US-TN": 6_910_840, "US-TX": 29_145_505, "US-UT": 3_271_616,
    "US-VT": 643_077, "US-VA": 8_631_393, "US-WA": 7_705_281, "US-WV": 1_793_716, "US-WI": 5_893_718,
    "US-WY": 576_851, "US-GU": 153_836, "US-MP": 47_329, "US-AS": 49_710, "US-PR": 3_285_874,
    # Source: Australian Bureau of Statistics, Census of Population and Housing 2021 (10 August 2021).
    "AU-NSW": 8_072_163, "AU-VIC": 6_503_491, "AU-QLD": 5_156_138, "AU-SA": 1_781_516, "AU-WA": 2_660_026,
    "AU-TAS": 557_571, "AU-NT": 232_605, "AU-ACT": 454_499, "CX": 1_692, "CC": 593,
    # Source: Statistics Korea, Population and Housing Census 2020 (1 November 2020).
    "KR-11": 9_586_195, "KR-26": 3_349_016, "KR-27": 2_410_700, "KR-28": 2_945_454, "KR-29": 1_477_573,
    "KR-30": 1_488_435, "KR-31": 1_135_423, "KR-50": 353_933, "KR-41": 13_511_676, "KR-42": 1_521_763,
    "KR-43": 1_632_088, "KR-44": 2_176_636, "KR-45": 1_802_766, "KR-46": 1_788_807, "KR-47": 2_644_757,
    "KR-48": 3_333_056, "KR-49": 670_858,
    # Source: Office for National Statistics and NISRA, Census 2021; National Records of Scotland, Census 2022.
    "GB-ENG": 56_490_048, "GB-WLS": 3_107_500, "GB-NIR": 1_903_175, "GB-SCT": 5_436_600,
    # Source: the countries' own censuses, of the year in brackets: KP (2008), TW (2020), CN (2020), HK (2021), MO (2021),
    # RU (2021), MN (2020), PH (2020), VN (2019), MY (2020), SG (2020), BN (2021), ID (2020), TL (2022), PG (2011),
    # SB (2019), PW (2020), FM (2010), MH (2021), NZ (2018), CA (2021).
    "KP": 24_052_231, "TW": 23_829_897, "CN": 1_411_778_724, "HK": 7_413_070, "MO": 682_070, "RU": 147_182_123,
    "MN": 3_296_866, "PH": 109_035_343, "VN": 96_208_984, "MY": 32_447_385, "SG": 5_685_807, "BN": 440_715,
    "ID": 270_203_917, "TL": 1_341_737, "PG": 7_275_324, "SB": 720_956, "PW": 17_614, "FM": 102_843, "MH": 42_418,
    "NZ": 4_699_755, "CA": 36_991_981,
}  # fmt: skip

COUNTRIES = frozenset(code for code in PEOPLE if "-" not in code) - {"CX", "CC"}

# Natural Earth's codes of first-level areas that ISO 3166-2 has no entry of, or has under another.
FIRST_LEVEL = {
    "AU-X02~": "AU-ACT",  # Jervis Bay, administered from there
    "AU-X03~": "AU-TAS",  # Macquarie Island
    "-99-X15~": "CC",
    "-99-X14~": "CX",
    "GU-X01~": "US-GU",
    "MP-X01~": "US-MP",
    "MP-X02~": "US-MP",
    "MP-X03~": "US-MP",
    "MP-X04~": "US-MP",
    "AS-X01~": "US-AS",
    "AS-X02~": "US-AS",
    "AS-X03~": "US-AS",
    "AS-X04~": "US-AS",
    "AS-X05~": "US-AS",
}

# English and own names where Natural Earth's are of a part, or of another area of the name.
LOCAL_NAMES = {
    "US-DC": ("District of Columbia", ""),
    "US-GU": ("Guam", "Guåhån"),
    "US-MP": ("Northern Mariana Islands", ""),
    "US-AS": ("American Samoa", "Amerika Sāmoa"),
    "AU-NSW": ("New South Wales", ""),
    "AU-ACT": ("Australian Capital Territory", ""),
    "AU-TAS": ("Tasmania", ""),
    "CC": ("Cocos (Keeling) Islands", ""),
    "CX": ("Christmas Island", ""),
    "GB-ENG": ("England", ""),
    "GB-SCT": ("Scotland", ""),
    "GB-WLS": ("Wales", "Cymru"),
    "GB-NIR": ("Northern Ireland", ""),
    "KP": ("North Korea", "조선"),
    "TW": ("Taiwan", "臺灣"),
    "CN": ("China", "中国"),
    "HK": ("Hong Kong", "香港"),
    "MO": ("Macao", "澳門"),
    "RU": ("Russia", "Россия"),
    "MN": ("Mongolia", "Монгол"),
    "PH": ("Philippines", "Pilipinas"),
    "VN": ("Vietnam", "Việt Nam"),
    "MY": ("Malaysia", ""),
    "SG": ("Singapore", ""),
    "BN": ("Brunei", ""),
    "ID": ("Indonesia", ""),
    "TL": ("Timor-Leste", ""),
    "PG": ("Papua New Guinea", "Papua Niugini"),
    "SB": ("Solomon Islands", ""),
    "PW": ("Palau", "Belau"),
    "FM": ("Micronesia", ""),
    "MH": ("Marshall Islands", ""),
    "NZ": ("New Zealand", "Aotearoa"),
    "CA": ("Canada", ""),
}

# GeoNames' codes of Korea's first level.
KOREA = {
    "11": "KR-11", "10": "KR-26", "15": "KR-27", "12": "KR-28", "18": "KR-29", "19": "KR-30", "21": "KR-31",
    "22": "KR-50", "13": "KR-41", "06": "KR-42", "05": "KR-43", "17": "KR-44", "03": "KR-45", "16": "KR-46",
    "14": "KR-47", "20": "KR-48", "01": "KR-49",
}  # fmt: skip
